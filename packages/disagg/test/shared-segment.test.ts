// Memory of two processes, here by two openings in one: what one side writes is what the other one reads.

import { once } from "node:events";
import { existsSync, readdirSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { loadProcessMemory } from "../src/memory/process-memory.ts";
import { MappedSlots } from "../src/transport/mapped-slots.ts";
import {
  type CreatedSegment,
  createSegment,
  openSegment,
  type Slots,
} from "../src/transport/shared-segment.ts";

const loaded = await loadProcessMemory();
if (typeof loaded === "string") console.warn(`Mapped memory is not tested here: ${loaded}`);
const memory = typeof loaded === "string" ? null : loaded;
const isHere = process.platform === "linux" && existsSync("/dev/shm");
if (!isHere) console.warn("Shared segments are not tested here: there is no /dev/shm");

const slotBytes = 8192;

function create(): CreatedSegment {
  const segment = createSegment(slotBytes, 3, memory);
  if (typeof segment === "string") throw new Error(segment);
  return segment;
}

function write(slots: Slots, slot: number, value: number): void {
  if (!(slots instanceof MappedSlots)) {
    slots.write(slot, new Uint8Array(slotBytes).fill(value));
    return;
  }
  const buffer = slots.take(slot)!;
  new Uint8Array(buffer).fill(value);
  expect(slots.put(buffer)).toBe(slot);
}

function read(slots: Slots, slot: number): number[] {
  const bytes = new Uint8Array(slotBytes);
  if (slots instanceof MappedSlots) {
    const buffer = slots.take(slot)!;
    bytes.set(new Uint8Array(buffer));
    slots.put(buffer);
  } else {
    slots.read(slot, bytes);
  }
  return [...new Set(bytes)];
}

it.skipIf(!isHere).each([
  ["mapped", memory],
  ["a file", null],
] as const)("both sides see one memory, the other side's being %s", (_name, theirs) => {
  const { slots, description, unlink } = create();
  const other = openSegment(description, theirs);
  if (typeof other === "string") throw new Error(other);
  unlink();
  expect(existsSync(description.path)).toBe(false);
  for (const slot of [0, 1, 2]) {
    write(other, slot, 10 + slot);
    expect(read(slots, slot)).toEqual([10 + slot]);
    write(slots, slot, 20 + slot);
    expect(read(other, slot)).toEqual([20 + slot]);
  }
  other.close();
  expect(read(slots, 1)).toEqual([21]);
  slots.close();
});

it.skipIf(memory === null)(
  "a slot that went to another thread and back is the same memory",
  async () => {
    const { slots, unlink } = create();
    unlink();
    if (!(slots instanceof MappedSlots)) throw new Error("slots are not mapped");
    const worker = new Worker(
      `const { parentPort } = require("node:worker_threads");
     parentPort.on("message", (buffer) => {
       new Uint8Array(buffer).fill(7);
       parentPort.postMessage(buffer, [buffer]);
     });`,
      { eval: true },
    );
    const buffer = slots.take(2)!;
    expect(slots.take(2)).toBe(null);
    worker.postMessage(buffer, [buffer]);
    const [back] = (await once(worker, "message")) as [ArrayBuffer];
    await worker.terminate();
    expect(slots.put(back)).toBe(2);
    expect(read(slots, 2)).toEqual([7]);
    // Closed while the engine has it: the memory stays its own, and belongs to no slot any more.
    const held = slots.take(0)!;
    slots.close();
    new Uint8Array(held).fill(1);
    expect(slots.put(held)).toBe(null);
    memory!.unmapFile(held);
    expect(new Set(new Uint8Array(held))).toEqual(new Set([0]));
  },
);

it.skipIf(!isHere)("a segment that is shorter than announced, or another one, is refused", () => {
  const { slots, description, unlink } = create();
  expect(openSegment({ ...description, slotCount: 4 }, memory)).toContain("shorter than announced");
  expect(openSegment({ ...description, nonce: "00" }, memory)).toContain("something else");
  expect(openSegment({ ...description, path: "/dev/shm/other" }, memory)).toContain(
    "not one of ours",
  );
  truncateSync(description.path, 4096);
  expect(openSegment(description, null)).toContain("shorter than announced");
  unlink();
  expect(openSegment(description, memory)).toContain("the two see no common /dev/shm");
  slots.close();
});

it.skipIf(!isHere)(
  "what a process left behind that died in the hand-shake is removed by the next one",
  () => {
    const path = `/dev/shm/dyn-kv-${"0".repeat(31)}1`;
    writeFileSync(path, "");
    const longAgo = Date.now() / 1000 - 3600;
    utimesSync(path, longAgo, longAgo);
    const { slots, description, unlink } = create();
    expect(existsSync(path)).toBe(false);
    expect(readdirSync("/dev/shm")).toContain(description.path.slice("/dev/shm/".length));
    unlink();
    slots.close();
  },
);

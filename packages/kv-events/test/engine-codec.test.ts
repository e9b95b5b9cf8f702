// The wire of engines: what SGLang 0.5.19 and 0.5.21 published, an encoder that is not ours, and odd input.

import {
  decodeEngineBatch,
  decodeEngineFrames,
  type EngineBatch,
  type EngineEvent,
  encodeEngineBatch,
  encodeEngineFrames,
  KvWireError,
} from "@dyn/kv-events";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, readSglangRecording } from "./recording.ts";

const encodings = [
  ["0.5.19", "array"],
  ["0.5.21", "map"],
] as const;

/** That encoder writes a number beyond 32 bits as a float, and every bigint with 64. */
const shorten = (id: bigint) => (id >= -(2n ** 31n) && id < 2n ** 32n ? Number(id) : id);
const spellIds = (ids: Iterable<bigint>) => Array.from(ids, (id) => shorten(BigInt.asIntN(64, id)));

/** A batch as SGLang spells it, in plain data. */
function spell(batch: EngineBatch, encoding: "map" | "array"): unknown {
  const events = batch.events.map((event) =>
    encoding === "map" ? spellMap(event) : spellArray(event),
  );
  return [batch.timestamp, events, batch.dpRank];
}

function spellMap(event: EngineEvent): object {
  if (event.type === "cleared") return { type: "AllBlocksCleared" };
  const medium = event.medium ? { medium: event.medium } : {};
  const block_hashes = spellIds(event.blockHashes);
  if (event.type === "removed") return { type: "BlockRemoved", block_hashes, ...medium };
  return {
    type: "BlockStored",
    block_hashes,
    parent_block_hash: event.parentBlockHash === null ? null : shorten(event.parentBlockHash),
    token_ids: Array.from(event.tokenIds),
    block_size: event.blockSize,
    lora_id: null,
    ...medium,
    ...(event.loraName ? { lora_name: event.loraName } : {}),
    ...(event.cacheSalt ? { cache_salt: event.cacheSalt } : {}),
    ...(event.sessionId ? { session_id: event.sessionId } : {}),
  };
}

function spellArray(event: EngineEvent): unknown[] {
  const map = spellMap(event) as Record<string, unknown>;
  if (event.type === "cleared") return [map.type];
  if (event.type === "removed") return [map.type, map.block_hashes, event.medium ?? null];
  const { type, block_hashes, parent_block_hash, token_ids, block_size } = map;
  const array = [type, block_hashes, parent_block_hash, token_ids, block_size, null];
  const rest = event.cacheSalt ? [{ cache_salt: event.cacheSalt }] : [];
  return [...array, event.medium ?? null, ...rest];
}

describe.each(encodings)("SGLang %s (%s)", (version, encoding) => {
  const recording = readSglangRecording(version);
  const published = [...recording].flatMap(([step, messages]) =>
    messages
      .filter(({ frames }) => frames.at(-1)!.length > 0)
      .map((message, i) => [`${step} ${i}`, message] as const),
  );

  it("was recorded", () => {
    expect(published.length).toBeGreaterThan(30);
  });

  it.each(published)("%s is read as recorded, and written byte by byte", (_, message) => {
    const { sequence, payload } = decodeEngineFrames(message.frames.map((frame) => frame));
    const batch = decodeEngineBatch(payload);
    expect(batch).toMatchObject({ unknownCount: 0, malformedCount: 0, problem: null });
    expect(spell(batch, encoding)).toEqual(message.decoded);
    expect(encodeEngineBatch(batch, encoding).toString("hex")).toBe(
      Buffer.from(payload).toString("hex"),
    );
    const topic = message.frames[0]!.toString();
    const frames = encodeEngineFrames({ topic, sequence, payload });
    expect(frames.map((frame) => Buffer.from(frame).toString("hex"))).toEqual(
      message.frames.map((frame) => frame.toString("hex")),
    );
  });
});

describe("any batch", () => {
  const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const text = fc.option(fc.string({ minLength: 1, maxLength: 300 }), { nil: null });
  const medium = fc.constantFrom("GPU", "CPU_PINNED", "DISK");
  const event = fc.oneof(
    fc.record({
      type: fc.constant("stored" as const),
      blockHashes: fc.array(id, { maxLength: 40 }),
      parentBlockHash: fc.option(id, { nil: null }),
      tokenIds: fc.uint32Array({ maxLength: 200 }),
      blockSize: fc.integer({ min: 1, max: 70_000 }),
      medium,
      cacheSalt: text,
    }),
    fc.record({
      type: fc.constant("removed" as const),
      blockHashes: fc.array(id, { maxLength: 40 }),
      medium,
    }),
    fc.constant({ type: "cleared" as const }),
  );
  const batch = fc.record({
    timestamp: fc.double({ min: 1, max: 2e9, noNaN: true }).filter((n) => !Number.isInteger(n)),
    events: fc.array(event, { maxLength: 20 }),
    dpRank: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null }),
  });

  it.each(["map", "array"] as const)("is written as @msgpack/msgpack writes it (%s)", (form) => {
    fc.assert(
      fc.property(batch, (value) => {
        const other = Buffer.from(encode(spell(value, form), { useBigInt64: true }));
        const ours = encodeEngineBatch(value, form);
        expect(ours.toString("hex")).toBe(other.toString("hex"));
        const decoded = decodeEngineBatch(ours);
        expect(spell(decoded, form)).toEqual(spell(value, form));
      }),
      { numRuns: 200 },
    );
  });

  it("that is cut or damaged is refused or read, never worse", () => {
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat({ max: 255 }), fc.boolean(), (value, at, byte, cut) => {
        const bytes = Buffer.from(encodeEngineBatch(value));
        const damaged = cut ? bytes.subarray(0, at % bytes.length) : bytes;
        if (!cut) damaged[at % bytes.length] = byte;
        try {
          decodeEngineBatch(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(KvWireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const decode = (...events: unknown[]) =>
  decodeEngineBatch(encode([1.5, events, 0], { useBigInt64: true }));
const good = ["BlockStored", [7], null, [1, 2], 2, null, "GPU"];

describe("odd events", () => {
  it("of an unknown kind are counted, their neighbours stand", () => {
    const batch = decode(good, ["BlockFancy", [1], { a: 1 }], { type: "BlockMoved" }, good);
    expect(batch).toMatchObject({ unknownCount: 2, malformedCount: 0 });
    expect(batch.events).toHaveLength(2);
  });

  it.each([
    ["a bare string", "AllBlocksCleared"],
    ["no hashes", ["BlockStored"]],
    ["no block size", ["BlockStored", [1], null, [1, 2]]],
    ["a negative token", ["BlockStored", [1], null, [-1, 2], 2]],
    ["a float token", ["BlockStored", [1], null, [1.5, 2], 2]],
    ["a parent that is no id", ["BlockStored", [1], "x", [1, 2], 2]],
    ["no type", { block_hashes: [1] }],
    ["pairs that do not join", ["BlockStored", [1], null, [[1, 2], [3, 4]], 2]], // biome-ignore format: one case a line
  ])("with %s are counted, their neighbours stand", (_, odd) => {
    const batch = decode(good, odd, good);
    expect(batch).toMatchObject({ unknownCount: 0, malformedCount: 1 });
    expect(batch.problem).toMatch(/\w/);
    expect(batch.events).toHaveLength(2);
  });

  it("a batch of two or of five elements is read, one of one is not", () => {
    expect(decodeEngineBatch(encode([1.5, [good]])).dpRank).toBe(null);
    expect(decodeEngineBatch(encode([1, [good], 3, "x", [1]]))).toMatchObject({
      timestamp: 1,
      dpRank: 3,
    });
    expect(() => decodeEngineBatch(encode([1.5]))).toThrow(KvWireError);
    expect(() => decodeEngineBatch(Buffer.from("garbage"))).toThrow(KvWireError);
  });
});

describe("vLLM's events", () => {
  const digest = Buffer.from(Array.from({ length: 32 }, (_, i) => i));

  it("name blocks by bytes or digits: the last 8 bytes count", () => {
    const { events } = decode(
      ["BlockStored", [new Uint8Array(digest)], digest.toString("hex"), [1, 2], 2],
      ["BlockRemoved", [digest.toString("hex"), "ff"]],
    );
    const id = BigInt(`0x${digest.subarray(24).toString("hex")}`);
    expect(events[0]).toMatchObject({ parentBlockHash: id });
    expect(Array.from((events[0] as { blockHashes: BigInt64Array }).blockHashes)).toEqual([id]);
    expect(Array.from((events[1] as { blockHashes: BigInt64Array }).blockHashes)).toEqual([
      id,
      255n,
    ]);
  });

  it("carry LoRA names, media hashes and groups", () => {
    const media = `0000000000000007${"0".repeat(48)}`;
    const { events } = decode([
      ...good,
      "adapter-a",
      [["salt", media, [media, 3]]],
      1,
      "sliding_window",
      "more",
    ]);
    expect(events[0]).toMatchObject({
      loraName: "adapter-a",
      media: [
        [
          { mmHash: 7n, offsets: [] },
          { mmHash: 7n, offsets: [] },
        ],
      ],
      groupIndex: 1,
      specKind: "sliding_window",
    });
  });
});

describe("frames", () => {
  it.each([
    ["two", ["", "0000000000000001"]],
    ["four", ["", "0000000000000001", "90", "90"]],
    ["a short sequence", ["", "00000001", "90"]],
  ])("%s are refused", (_, frames) => {
    expect(() => decodeEngineFrames(frames.map(fromHex))).toThrow(KvWireError);
  });
});

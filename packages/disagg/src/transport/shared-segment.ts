// Runs of KV in memory that two processes of one host see: a file in /dev/shm, made by the decode side, in which the
// prefill side fills a slot per run. Its name is gone as soon as both have it open, so that no death leaves it behind;
// what a death before that leaves is removed by the next one who makes a segment.
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { memoryPageBytes, type ProcessMemory, wholePages } from "../memory/process-memory.ts";
import { MappedSlots } from "./mapped-slots.ts";
import type { SharedSegment } from "./peer-messages.ts";
import { type SegmentShape, segmentBytes } from "./segment-shape.ts";
import { SlotFile } from "./slot-file.ts";

const folder = "/dev/shm";
const namePattern = /^dyn-kv-[0-9a-f]{32}$/;
/** Nothing else is ever opened, whatever a peer says. */
const pathPattern = /^\/dev\/shm\/dyn-kv-[0-9a-f]{32}$/;
const nonceBytes = 32;
const reserveBytes = 1 << 20;
/** Names live for a hand-shake. */
const staleMs = 60_000;

export type Slots = MappedSlots | SlotFile;

export interface CreatedSegment {
  readonly slots: Slots;
  readonly description: SharedSegment;
  /** Takes its name away: who has it open keeps it. */
  unlink(): void;
}

/** Or why there is none. `memory`: `null` = slots are read and written. */
export function createSegment(
  runBytes: number,
  slotCount: number,
  memory: ProcessMemory | null,
): CreatedSegment | string {
  if (process.platform !== "linux" || !existsSync(folder)) return `there is no ${folder}`;
  const path = `${folder}/dyn-kv-${randomBytes(16).toString("hex")}`;
  const shape = { slotBytes: wholePages(runBytes), slotCount };
  const sizeBytes = segmentBytes(shape);
  const nonce = randomBytes(nonceBytes);
  let fd: number;
  try {
    removeStale();
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < sizeBytes) {
      return `${folder} has ${bavail * bsize} bytes free, and ${sizeBytes} are needed`;
    }
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    return `${folder} cannot be written: ${describe(error)}`;
  }
  let isLinked = true;
  const unlink = () => {
    if (isLinked) unlinkSync(path);
    isLinked = false;
  };
  try {
    reserve(fd, sizeBytes);
    writeSync(fd, nonce, 0, nonceBytes, 0);
    const slots = openSlots(fd, shape, memory);
    const description = { path, nonce: nonce.toString("hex"), ...shape };
    return { slots, description, unlink };
  } catch (error) {
    unlink();
    closeSync(fd);
    return `${sizeBytes} bytes of ${folder} cannot be had: ${describe(error)}`;
  }
}

/** Or why this process does not see that memory. */
export function openSegment(segment: SharedSegment, memory: ProcessMemory | null): Slots | string {
  if (!pathPattern.test(segment.path)) return "the segment's name is not one of ours";
  let fd: number;
  try {
    fd = openSync(segment.path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    return `the two see no common ${folder} (another host, container or user: ${describe(error)})`;
  }
  try {
    const found = Buffer.alloc(nonceBytes);
    readSync(fd, found, 0, nonceBytes, 0);
    if (found.toString("hex") !== segment.nonce) throw new Error("it holds something else");
    // Memory behind a file's end cannot be touched: whoever tries is killed.
    if (fstatSync(fd).size < segmentBytes(segment)) throw new Error("it is shorter than announced");
    return openSlots(fd, segment, memory);
  } catch (error) {
    closeSync(fd);
    return `the segment in ${folder} cannot be used: ${describe(error)}`;
  }
}

/** The file is theirs, unless it throws. */
function openSlots(fd: number, shape: SegmentShape, memory: ProcessMemory | null): Slots {
  if (memory === null || shape.slotBytes % memoryPageBytes !== 0) return new SlotFile(fd, shape);
  const slots = new MappedSlots(memory, fd, shape);
  closeSync(fd);
  return slots;
}

/** Writes all of it: a mapped page for which there is no memory kills who touches it, while a write is refused. */
function reserve(fd: number, sizeBytes: number): void {
  const zeros = Buffer.alloc(Math.min(reserveBytes, sizeBytes));
  for (let at = 0; at < sizeBytes; ) {
    at += writeSync(fd, zeros, 0, Math.min(zeros.length, sizeBytes - at), at);
  }
}

function removeStale(): void {
  for (const name of readdirSync(folder)) {
    if (!namePattern.test(name)) continue;
    try {
      if (Date.now() - statSync(`${folder}/${name}`).mtimeMs > staleMs) {
        unlinkSync(`${folder}/${name}`);
      }
    } catch (error) {
      // Its owner was faster, or it is another user's to remove.
      if (!["ENOENT", "EPERM", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) {
        throw error;
      }
    }
  }
}

function describe(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}

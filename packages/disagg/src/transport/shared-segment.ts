// Runs of KV in memory that two processes of one host see: a file in /dev/shm, made by the decode side, in which the
// prefill side writes a slot per run. Its name is gone as soon as both have it open, so no death leaves it behind.
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import type { SharedSegment } from "./peer-messages.ts";

const folder = "/dev/shm";
/** Nothing else is ever opened, whatever a peer says. */
const pathPattern = /^\/dev\/shm\/dyn-kv-[0-9a-f]{32}$/;
const nonceBytes = 32;
/** Slots begin at memory pages. */
const headBytes = 4096;

export class SegmentFile {
  readonly #fd: number;
  readonly #slotBytes: number;
  readonly #slotCount: number;
  #isOpen = true;

  constructor(fd: number, slotBytes: number, slotCount: number) {
    this.#fd = fd;
    this.#slotBytes = slotBytes;
    this.#slotCount = slotCount;
  }

  get slotCount(): number {
    return this.#slotCount;
  }

  write(slot: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.byteLength) {
      const at = this.#offset(slot) + done;
      done += writeSync(this.#fd, bytes, done, bytes.byteLength - done, at);
    }
  }

  read(slot: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.byteLength) {
      const at = this.#offset(slot) + done;
      const count = readSync(this.#fd, bytes, done, bytes.byteLength - done, at);
      if (count === 0) throw new RangeError(`Slot ${slot} of the shared segment ends early.`);
      done += count;
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }

  #offset(slot: number): number {
    if (Number.isInteger(slot) && slot >= 0 && slot < this.#slotCount && this.#isOpen) {
      return headBytes + slot * this.#slotBytes;
    }
    throw new RangeError(`The shared segment has no slot ${slot}.`);
  }
}

export interface CreatedSegment {
  readonly file: SegmentFile;
  readonly description: SharedSegment;
  /** Takes its name away: who has it open keeps it. */
  unlink(): void;
}

/** `null` where there is no shared memory. */
export function createSegment(slotBytes: number, slotCount: number): CreatedSegment | null {
  if (process.platform !== "linux" || !existsSync(folder)) return null;
  const path = `${folder}/dyn-kv-${randomBytes(16).toString("hex")}`;
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  const nonce = randomBytes(nonceBytes);
  let isLinked = true;
  const unlink = () => {
    if (isLinked) unlinkSync(path);
    isLinked = false;
  };
  try {
    ftruncateSync(fd, headBytes + slotBytes * slotCount);
    writeSync(fd, nonce, 0, nonceBytes, 0);
  } catch (error) {
    unlink();
    closeSync(fd);
    throw error;
  }
  return {
    file: new SegmentFile(fd, slotBytes, slotCount),
    description: { path, nonce: nonce.toString("hex"), slotBytes, slotCount },
    unlink,
  };
}

/** `null`: this process does not see that memory. */
export function openSegment(segment: SharedSegment): SegmentFile | null {
  if (!pathPattern.test(segment.path)) return null;
  let fd: number;
  try {
    fd = openSync(segment.path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch {
    // Another host, another container, another user.
    return null;
  }
  const found = Buffer.alloc(nonceBytes);
  if (
    readSync(fd, found, 0, nonceBytes, 0) === nonceBytes &&
    found.toString("hex") === segment.nonce
  ) {
    return new SegmentFile(fd, segment.slotBytes, segment.slotCount);
  }
  closeSync(fd);
  return null;
}

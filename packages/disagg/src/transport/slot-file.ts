// Slots of a shared segment through read and write: where memory cannot be mapped.
import { closeSync, readSync, writeSync } from "node:fs";
import { type SegmentShape, slotOffset } from "./segment-shape.ts";

export class SlotFile {
  readonly #fd: number;
  readonly #shape: SegmentShape;
  #isOpen = true;

  /** The file is its own from now on. */
  constructor(fd: number, shape: SegmentShape) {
    this.#fd = fd;
    this.#shape = shape;
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
    if (this.#isOpen) return slotOffset(this.#shape, slot);
    throw new RangeError("The shared segment is closed.");
  }
}

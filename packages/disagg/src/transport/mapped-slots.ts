// Slots of a shared segment as buffers whose memory is the segment's: what an engine writes into one is what the other
// engine reads. They travel between threads by transfer; a slot is here, or with the engine.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import type { ProcessMemory } from "../memory/process-memory.ts";
import { type SegmentShape, slotOffset } from "./segment-shape.ts";

const probeBytes = 8;

export class MappedSlots {
  readonly #memory: ProcessMemory;
  /** By slot; `null` = with the engine. */
  readonly #buffers: (ArrayBuffer | null)[] = [];
  /** By address: a buffer that was transferred is another object. */
  readonly #slots = new Map<bigint, number>();

  /** The file must have its full size, which nobody changes. It may be closed afterwards. Throws where it cannot be mapped. */
  constructor(memory: ProcessMemory, fd: number, shape: SegmentShape) {
    this.#memory = memory;
    try {
      for (let slot = 0; slot < shape.slotCount; slot++) {
        const offset = slotOffset(shape, slot);
        const buffer = memory.mapFile(fd, offset, shape.slotBytes);
        this.#buffers.push(buffer);
        this.#slots.set(memory.addressOf(buffer), slot);
        const probe = randomBytes(probeBytes);
        writeSync(fd, probe, 0, probeBytes, offset);
        if (!probe.equals(new Uint8Array(buffer, 0, probeBytes))) {
          throw new Error("mapped memory does not show what its file holds");
        }
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** `null`: it is with the engine, or there is no such slot. */
  take(slot: number): ArrayBuffer | null {
    const buffer = this.#buffers[slot] ?? null;
    this.#buffers[slot] = null;
    return buffer;
  }

  /** Answers with its slot; `null` = it is none of these. */
  put(buffer: ArrayBuffer): number | null {
    const slot = this.#slots.get(this.#memory.addressOf(buffer));
    if (slot === undefined) return null;
    this.#buffers[slot] = buffer;
    return slot;
  }

  /** Lets the memory of the slots that are here go; `put` takes none back afterwards. */
  close(): void {
    for (const buffer of this.#buffers) if (buffer !== null) this.#memory.unmapFile(buffer);
    this.#buffers.length = 0;
    this.#slots.clear();
  }
}

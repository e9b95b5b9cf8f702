// The figures of one open room, as it goes.
import type { LeaseEnd } from "@dyn/engine";
import type { RoomRecord } from "./room-record.ts";

export class RoomBook {
  readonly #openedMs = performance.now();
  #sizeBytes = 0;
  #runCount = 0;
  #metMs: number | null = null;
  #wantedMs: number | null = null;
  #allocationMs: number | null;
  #firstRunMs: number | null = null;
  #isDamaged = false;

  /** `allocationMs`: where that was before the room was opened. */
  constructor(allocationMs: number | null = null) {
    this.#allocationMs = allocationMs;
  }

  /** The two sides know of each other. */
  met(): void {
    this.#metMs ??= performance.now();
  }

  /** A buffer is wanted; only the first time counts, as below. */
  wanted(): void {
    this.#wantedMs ??= performance.now();
  }

  granted(): void {
    this.#allocationMs ??= performance.now() - (this.#wantedMs ?? performance.now());
  }

  run(sizeBytes: number): void {
    this.#firstRunMs ??= performance.now();
    this.#sizeBytes += sizeBytes;
    this.#runCount += 1;
  }

  damaged(): void {
    this.#isDamaged = true;
  }

  ended(end: LeaseEnd): RoomRecord {
    const first = this.#firstRunMs;
    return {
      end,
      sizeBytes: this.#sizeBytes,
      runCount: this.#runCount,
      bootstrapMs: this.#metMs === null ? null : this.#metMs - this.#openedMs,
      allocationMs: this.#allocationMs,
      transferMs: end === "acknowledged" && first !== null ? performance.now() - first : null,
      isDamaged: this.#isDamaged,
    };
  }
}

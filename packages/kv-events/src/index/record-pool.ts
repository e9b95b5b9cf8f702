// Fixed-size records of 32-bit words in chunks of the core's memory: growth copies nothing, and nothing is an object. Record 0
// is never given out, so that 0 can say "none". The first word of a free record names the next free one. Words are signed,
// for V8 keeps signed ones in registers where it would make objects of large unsigned ones.
import type { BlockCore } from "./block-core.ts";
import { recordWords } from "./block-records.ts";

export const chunkBits = 14;
const chunkRecords = 1 << chunkBits;
export const chunkMask = chunkRecords - 1;
/** What the core keeps of a pool, in words; addresses of chunks follow. */
const stateWord = { used: 0, firstFree: 1, freeCount: 2, chunkCount: 3, chunks: 4 } as const;
const maxChunks = 4096;

export class RecordPool {
  /** Record i is 6 words of chunks[i >>> chunkBits], from (i & chunkMask) * 6 on. */
  readonly chunks: Int32Array[] = [];
  readonly #core: BlockCore;
  readonly #at: number;
  readonly #state: Int32Array;

  /** `at`: address of the pool in the core's memory. */
  constructor(core: BlockCore, at: number) {
    this.#core = core;
    this.#at = at;
    this.#state = core.words(at, stateWord.chunks + maxChunks);
  }

  /** Above every record given out so far. */
  get end(): number {
    return this.#state[stateWord.used]!;
  }

  get recordCount(): number {
    return this.#state[stateWord.used]! - 1 - this.#state[stateWord.freeCount]!;
  }

  /** Its words hold what they held before. */
  allocate(): number {
    const record = this.#core.exports.allocate(this.#at);
    this.follow();
    return record;
  }

  /** Makes views of chunks that the core added. */
  follow(): void {
    const state = this.#state;
    while (this.chunks.length < state[stateWord.chunkCount]!) {
      const at = state[stateWord.chunks + this.chunks.length]! >>> 0;
      this.chunks.push(this.#core.words(at, chunkRecords * recordWords));
    }
  }

  release(record: number): void {
    const state = this.#state;
    this.set(record, 0, state[stateWord.firstFree]!);
    state[stateWord.firstFree] = record;
    state[stateWord.freeCount]! += 1;
  }

  get(record: number, word: number): number {
    return this.chunks[record >>> chunkBits]![(record & chunkMask) * recordWords + word]!;
  }

  set(record: number, word: number, value: number): void {
    this.chunks[record >>> chunkBits]![(record & chunkMask) * recordWords + word] = value;
  }
}

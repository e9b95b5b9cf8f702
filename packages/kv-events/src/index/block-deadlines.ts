// When blocks are due to be forgotten: one time for each entry, beside the forest's records.
import type { BlockForest } from "./block-forest.ts";
import { entryWord } from "./block-records.ts";
import type { WorkerLife } from "./worker-life.ts";

export class BlockDeadlines {
  readonly #forest: BlockForest;
  #dueAtMs = new Float64Array(1024);

  constructor(forest: BlockForest) {
    this.#forest = forest;
  }

  get sizeBytes(): number {
    return this.#dueAtMs.byteLength;
  }

  /** For the entry and everything above it: a path is never due after its end. */
  set(entry: number, dueAtMs: number): void {
    const { entries } = this.#forest;
    if (this.#dueAtMs.length < entries.end) {
      const grown = new Float64Array(Math.ceil(entries.end * 1.25));
      grown.set(this.#dueAtMs);
      this.#dueAtMs = grown;
    }
    for (; entry !== 0; entry = entries.get(entry, entryWord.parent)) {
      this.#dueAtMs[entry] = dueAtMs;
    }
  }

  /** Removes what is due from the end of a path upwards, as far as nothing hangs on it. */
  removeDue(life: WorkerLife, entry: number, nowMs: number): void {
    const forest = this.#forest;
    while (entry !== 0 && forest.childCount(entry) === 0 && this.#dueAtMs[entry]! <= nowMs) {
      const parent = forest.entries.get(entry, entryWord.parent);
      forest.setTiers(life, entry, 0);
      entry = parent;
    }
  }
}

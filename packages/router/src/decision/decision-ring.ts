import type { DecisionRecord } from "./decision-record.ts";

/** The last decisions; an older one makes room for each new one. */
export class DecisionRing {
  readonly #records: DecisionRecord[] = [];
  readonly #capacity: number;
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(record: DecisionRecord): void {
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Newest first. */
  list(limit = this.#capacity): DecisionRecord[] {
    const { length } = this.#records;
    return Array.from(
      { length: Math.min(limit, length) },
      (_, i) => this.#records[(this.#next - 1 - i + 2 * length) % length]!,
    );
  }
}

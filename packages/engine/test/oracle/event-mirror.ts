// What a listener knows who only hears KV events: block hashes with their counts and parents.
import type { KvEvent, KvEventBatch } from "@dyn/engine";

export class EventMirror {
  /** Hash to how many cached pages carry it: two extra keys share hashes. */
  readonly counts = new Map<bigint, number>();
  hasBegun = false;

  apply(batch: KvEventBatch): void {
    for (const event of batch.events) this.#apply(event);
  }

  /** Sorted, to be compared. */
  content(): string[] {
    return [...this.counts].map(([hash, count]) => `${hash} x${count}`).sort();
  }

  #apply(event: KvEvent): void {
    if (event.type === "cleared") {
      this.hasBegun = true;
      this.counts.clear();
      return;
    }
    if (!this.hasBegun) throw new Error("An event came before the first `cleared`.");
    if (event.type === "stored") {
      const parent = event.parentBlockHash;
      if (parent !== null && !this.counts.has(parent)) throw new Error(`${parent} is no parent.`);
      if (event.tokenIds.length !== event.blockHashes.length * event.blockSize) {
        throw new Error("Tokens and blocks of an event do not agree.");
      }
    }
    for (const hash of event.blockHashes) {
      const count = (this.counts.get(hash) ?? 0) + (event.type === "stored" ? 1 : -1);
      if (count < 0) throw new Error(`${hash} was removed but never stored.`);
      if (count === 0) this.counts.delete(hash);
      else this.counts.set(hash, count);
    }
  }
}

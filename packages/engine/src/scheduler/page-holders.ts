// Sequences that hold pages, by what the pages are for. Who gets any, and who gives them up, is decided elsewhere.
import type { Sequence } from "./sequence.ts";

export class PageHolders {
  /** Their prompts are computed: each gets a token per decode step. */
  readonly running: Sequence[] = [];
  /** Have pages and wait for KV. */
  readonly receiving = new Set<Sequence>();
  /** They hold pages for another engine, and run no more. */
  readonly held = new Set<Sequence>();
  /** The one sequence whose prompt is cut over several steps. */
  chunked: Sequence | null = null;

  /** Those that go on: all but the held ones. */
  get ongoingCount(): number {
    return this.running.length + (this.chunked === null ? 0 : 1) + this.receiving.size;
  }

  /** Pages will come back, or KV will come, from another engine's doing. */
  get awaitsOthers(): boolean {
    return this.receiving.size > 0 || this.held.size > 0;
  }

  /** Everything whose pages another engine may use. */
  get leased(): Sequence[] {
    const all = [...this.held, ...this.receiving];
    return this.chunked?.isLeased ? [...all, this.chunked] : all;
  }

  /** Its whole prompt is computed, or has arrived. */
  run(sequence: Sequence): void {
    if (this.chunked === sequence) this.chunked = null;
    this.receiving.delete(sequence);
    sequence.state = "running";
    this.running.push(sequence);
  }

  /** It goes on no more; as a held one it stays. */
  stop(sequence: Sequence): void {
    const at = this.running.indexOf(sequence);
    if (at >= 0) this.running.splice(at, 1);
    this.receiving.delete(sequence);
    if (this.chunked === sequence) this.chunked = null;
  }
}

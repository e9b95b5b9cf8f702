// Writes a planned step into the flat arrays that executors take. Buffers are reused: a batch is valid until the next one is built.
import type { ForwardBatch, RowSampling } from "../contract/executor.ts";
import type { Sequence } from "./sequence.ts";
import type { StepPlan } from "./step-plan.ts";

export interface BatchNeeds {
  rowSampling(sequence: Sequence): RowSampling;
  /** Positions within the sequence whose logits are wanted for prompt log-probabilities: [from, to). */
  promptPositions(sequence: Sequence): { from: number; to: number } | null;
  /** Whether the token after the sequence's last one is wanted. */
  wantsNext(sequence: Sequence): boolean;
  logitsRequired(sequence: Sequence): boolean;
}

/** Page table columns grow in these steps, so that a growing sequence does not change the row length each time. */
const columnStep = 16;

export class BatchBuilder {
  #tokenIds = new Int32Array(256);
  #logitPositions = new Int32Array(256);
  #newLengths = new Int32Array(64);
  #pastLengths = new Int32Array(64);
  #sequenceIds = new Int32Array(64);
  #pageTable = new Int32Array(0);
  #columns = 0;
  /** What each row of the page table shows, so that a decode step writes only what is new. */
  readonly #shown: { sequence: Sequence; version: number; pageCount: number }[] = [];

  build(plan: StepPlan, needs: BatchNeeds): ForwardBatch {
    const { sequences, kind } = plan;
    const rowCount = sequences.length;
    this.#reserve(sequences);
    const sampling: RowSampling[] = [];
    let tokenCount = 0;
    let logitCount = 0;
    let logitsRequired = false;
    for (let row = 0; row < rowCount; row++) {
      const sequence = sequences[row]!;
      const { computed, planned } = sequence;
      this.#newLengths[row] = planned;
      this.#pastLengths[row] = computed;
      this.#sequenceIds[row] = sequence.slot;
      const end = computed + planned;
      if (planned === 1) this.#tokenIds[tokenCount] = sequence.tokens[computed]!;
      else this.#tokenIds.set(sequence.tokens.subarray(computed, end), tokenCount);
      const rowSampling = needs.rowSampling(sequence);
      if (kind === "prefill") {
        const prompt = needs.promptPositions(sequence);
        for (let at = prompt?.from ?? end; at < (prompt?.to ?? end); at++) {
          this.#logitPositions[logitCount++] = tokenCount + at - computed;
          sampling.push(rowSampling);
        }
        if (prompt !== null) logitsRequired = true;
      }
      if (needs.wantsNext(sequence)) {
        this.#logitPositions[logitCount++] = tokenCount + planned - 1;
        sampling.push(rowSampling);
        logitsRequired ||= needs.logitsRequired(sequence);
      }
      tokenCount += planned;
      this.#showPages(row, sequence);
    }
    this.#shown.length = rowCount;
    return {
      kind,
      rowCount,
      tokenIds: this.#tokenIds.subarray(0, tokenCount),
      newLengths: this.#newLengths.subarray(0, rowCount),
      pastLengths: this.#pastLengths.subarray(0, rowCount),
      pageTable: this.#pageTable.subarray(0, rowCount * this.#columns),
      pagesPerRow: this.#columns,
      logitPositions: this.#logitPositions.subarray(0, logitCount),
      sequenceIds: this.#sequenceIds.subarray(0, rowCount),
      sampling,
      logitsRequired,
    };
  }

  #reserve(sequences: readonly Sequence[]): void {
    let tokens = 0;
    let pages = 0;
    for (const { planned, pageCount } of sequences) {
      tokens += planned;
      if (pageCount > pages) pages = pageCount;
    }
    const rows = sequences.length;
    this.#tokenIds = grow(this.#tokenIds, tokens);
    this.#logitPositions = grow(this.#logitPositions, tokens + rows);
    this.#newLengths = grow(this.#newLengths, rows);
    this.#pastLengths = grow(this.#pastLengths, rows);
    this.#sequenceIds = grow(this.#sequenceIds, rows);
    const columns = Math.ceil(pages / columnStep) * columnStep;
    const fits = rows * this.#columns <= this.#pageTable.length;
    if (columns === this.#columns && fits) return;
    this.#columns = columns;
    if (rows * columns > this.#pageTable.length)
      this.#pageTable = new Int32Array(2 * rows * columns);
    this.#shown.length = 0;
  }

  #showPages(row: number, sequence: Sequence): void {
    const { pages, pageCount, pagesVersion } = sequence;
    const start = row * this.#columns;
    const shown = this.#shown[row];
    if (shown === undefined || shown.sequence !== sequence || shown.version !== pagesVersion) {
      this.#pageTable.set(pages.subarray(0, pageCount), start);
      this.#pageTable.fill(-1, start + pageCount, start + this.#columns);
      this.#shown[row] = { sequence, version: pagesVersion, pageCount };
      return;
    }
    for (let i = shown.pageCount; i < pageCount; i++) this.#pageTable[start + i] = pages[i]!;
    shown.pageCount = pageCount;
  }
}

function grow(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  return length <= array.length ? array : new Int32Array(length * 2);
}

// Drives an executor the way a scheduler does: gives out pages, builds batches, keeps lengths.
import type { Executor, ForwardBatch } from "@dyn/engine";
import { defaultSamplingParams } from "@dyn/engine";

export interface DrivenSequence {
  readonly id: number;
  readonly tokenIds: number[];
  readonly pages: number[];
  /** Of the pages, how many belong to the sequence that it shares a prefix with. */
  readonly sharedPages: number;
  /** Tokens whose KV is stored. */
  length: number;
}

export interface DrivenRow {
  readonly sequence: DrivenSequence;
  readonly newTokens: readonly number[];
}

export class SequenceDriver {
  readonly executor: Executor;
  readonly #free: number[];
  /** As the engine does: the lowest number that nobody has. */
  readonly #ids = new Set<number>();

  constructor(executor: Executor) {
    this.executor = executor;
    // Handed out in a scattered order, so that a wrong page shows.
    this.#free = Array.from({ length: executor.info.pageCount }, (_, i) => i);
    for (let i = this.#free.length - 1; i > 0; i--) {
      const j = (i * 7919 + 13) % (i + 1);
      [this.#free[i], this.#free[j]] = [this.#free[j]!, this.#free[i]!];
    }
  }

  /** `prefixOf`: its first `prefixLength` tokens (whole pages) are shared. */
  create(prefixOf?: DrivenSequence, prefixLength = 0): DrivenSequence {
    const sharedPages = prefixLength / this.executor.info.pageSize;
    let id = 0;
    while (this.#ids.has(id)) id++;
    this.#ids.add(id);
    return {
      id,
      tokenIds: prefixOf?.tokenIds.slice(0, prefixLength) ?? [],
      pages: prefixOf?.pages.slice(0, sharedPages) ?? [],
      sharedPages,
      length: prefixLength,
    };
  }

  /** Logits of every new token, row after row: [all new tokens, vocab]. */
  async prefill(...rows: DrivenRow[]): Promise<Float32Array> {
    const count = rows.reduce((sum, { newTokens }) => sum + newTokens.length, 0);
    return this.step(
      "prefill",
      rows,
      Int32Array.from({ length: count }, (_, i) => i),
    );
  }

  /** One token each. [rows, vocab] */
  async decode(...rows: DrivenRow[]): Promise<Float32Array> {
    return this.step("decode", rows, Int32Array.from(rows.keys()));
  }

  async step(
    kind: ForwardBatch["kind"],
    rows: readonly DrivenRow[],
    logitPositions: Int32Array,
  ): Promise<Float32Array> {
    const { pageSize } = this.executor.info;
    for (const { sequence, newTokens } of rows) {
      while (sequence.pages.length * pageSize < sequence.length + newTokens.length) {
        const page = this.#free.pop();
        if (page === undefined) throw new Error("the test needs more pages");
        sequence.pages.push(page);
      }
    }
    const pagesPerRow = Math.max(...rows.map(({ sequence }) => sequence.pages.length));
    const pageTable = new Int32Array(rows.length * pagesPerRow).fill(-1);
    for (const [row, { sequence }] of rows.entries()) {
      pageTable.set(sequence.pages, row * pagesPerRow);
    }
    const result = await this.executor.step({
      kind,
      rowCount: rows.length,
      tokenIds: Int32Array.from(rows.flatMap(({ newTokens }) => newTokens)),
      newLengths: Int32Array.from(rows, ({ newTokens }) => newTokens.length),
      pastLengths: Int32Array.from(rows, ({ sequence }) => sequence.length),
      pageTable,
      pagesPerRow,
      logitPositions,
      sequenceIds: Int32Array.from(rows, ({ sequence }) => sequence.id),
      sampling: Array.from(logitPositions, () => ({
        params: defaultSamplingParams,
        seed: 0,
        step: 0,
      })),
    });
    if (result.kind !== "logits") throw new Error("logits were expected");
    for (const { sequence, newTokens } of rows) {
      sequence.tokenIds.push(...newTokens);
      sequence.length += newTokens.length;
    }
    return result.logits.slice();
  }

  release(sequence: DrivenSequence): void {
    this.executor.releaseSequence(sequence.id);
    this.#ids.delete(sequence.id);
    this.#free.push(...sequence.pages.splice(sequence.sharedPages));
  }
}

/** Index of the largest of logits[row]. */
export function argmax(logits: Float32Array, row: number, vocabSize: number): number {
  let best = row * vocabSize;
  for (let i = best; i < (row + 1) * vocabSize; i++) if (logits[i]! > logits[best]!) best = i;
  return best - row * vocabSize;
}

/** Largest difference over the largest magnitude expected. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) {
    throw new Error(`${actual.length} values instead of ${expected.length}`);
  }
  let error = 0;
  let scale = 0;
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs(actual[i]! - value);
    if (!(difference <= error)) error = difference;
    scale = Math.max(scale, Math.abs(value));
  }
  return error / scale;
}

/** Root mean square of the differences over that of the values expected. */
export function rmsError(actual: Float32Array, expected: Float32Array): number {
  let error = 0;
  let scale = 0;
  for (const [i, value] of expected.entries()) {
    error += (actual[i]! - value) ** 2;
    scale += value ** 2;
  }
  return Math.sqrt(error / scale);
}

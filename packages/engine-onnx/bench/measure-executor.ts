// Times one executor: decode at several batch sizes and prefill, through the contract, pages and all.
import { defaultSamplingParams, type Executor, type ForwardBatch } from "@dyn/engine";

export class ExecutorProbe {
  readonly #executor: Executor;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Milliseconds of one prefill of a fresh prompt, logits for its last token. */
  async prefill(tokenCount: number): Promise<number> {
    const start = performance.now();
    await this.#executor.step(this.#batch("prefill", 1, tokenCount, 0));
    return performance.now() - start;
  }

  /** Milliseconds of each of `steps` decode steps at this context, argmax included. */
  async decode(batchSize: number, pastLength: number, steps: number): Promise<number[]> {
    const times: number[] = [];
    const { vocabSize } = this.#executor.info;
    for (let step = -1; step < steps; step++) {
      const start = performance.now();
      const result = await this.#executor.step(this.#batch("decode", batchSize, 1, pastLength));
      if (result.kind === "logits") {
        for (let row = 0; row < batchSize; row++) argmax(result.logits, row * vocabSize, vocabSize);
      }
      if (step >= 0) times.push(performance.now() - start);
    }
    return times;
  }

  #batch(
    kind: ForwardBatch["kind"],
    rowCount: number,
    newLength: number,
    pastLength: number,
  ): ForwardBatch {
    const { pageSize, vocabSize } = this.#executor.info;
    const pagesPerRow = Math.ceil((pastLength + newLength) / pageSize);
    return {
      kind,
      rowCount,
      tokenIds: Int32Array.from({ length: rowCount * newLength }, () =>
        Math.floor(Math.random() * vocabSize),
      ),
      newLengths: new Int32Array(rowCount).fill(newLength),
      pastLengths: new Int32Array(rowCount).fill(pastLength),
      pageTable: Int32Array.from({ length: rowCount * pagesPerRow }, (_, i) => i),
      pagesPerRow,
      logitPositions: Int32Array.from({ length: rowCount }, (_, i) => (i + 1) * newLength - 1),
      sequenceIds: Int32Array.from({ length: rowCount }, (_, i) => i),
      sampling: Array.from({ length: rowCount }, () => ({
        params: defaultSamplingParams,
        seed: 0,
        step: 0,
      })),
    };
  }
}

function argmax(logits: Float32Array, start: number, count: number): number {
  let best = start;
  for (let i = start; i < start + count; i++) if (logits[i]! > logits[best]!) best = i;
  return best - start;
}

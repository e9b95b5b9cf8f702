// An executor that checks what it is given against the contract before it passes it on.
import type { Executor, ForwardBatch, KvStore, StepResult } from "@dyn/engine";
import type { EngineCore } from "../../src/core/engine-core.ts";
import { demand } from "./audit.ts";

export class CheckedExecutor implements Executor {
  readonly info: Executor["info"];
  readonly kv?: KvStore;
  readonly #inner: Executor;
  readonly #holding = new Set<number>();
  core: EngineCore | null = null;
  /** Runs while the step is in flight. */
  duringStep: (() => void) | null = null;
  failsNext = false;
  /** Answers instead of the inner executor. */
  answer: ((batch: ForwardBatch) => StepResult) | null = null;

  constructor(inner: Executor) {
    this.#inner = inner;
    this.info = inner.info;
    const { kv } = inner;
    if (kv === undefined) return;
    this.kv = {
      layout: kv.layout,
      computesCrc32c: kv.computesCrc32c ?? false,
      exportTokens: async (pages, start, count, bytes) => {
        this.#checkRun(pages, start, count);
        // A device copies while the host goes on.
        await Promise.resolve();
        this.#checkRun(pages, start, count);
        return kv.exportTokens(pages, start, count, bytes);
      },
      importTokens: async (pages, start, count, bytes) => {
        await Promise.resolve();
        for (const page of this.#checkRun(pages, start, count)) {
          demand(!this.#cachedPages().has(page), `page ${page} of the cache is not written`);
        }
        return kv.importTokens(pages, start, count, bytes);
      },
    };
  }

  async step(batch: ForwardBatch): Promise<StepResult> {
    this.#check(batch);
    await Promise.resolve();
    this.duringStep?.();
    this.duringStep = null;
    if (this.failsNext) {
      this.failsNext = false;
      throw new Error("The device went away.");
    }
    return this.answer === null ? await this.#inner.step(batch) : this.answer(batch);
  }

  releaseSequence(sequenceId: number): void {
    // A sequence whose KV came from elsewhere may end before its first step.
    const hasRun = this.#holding.delete(sequenceId);
    demand(hasRun || this.kv !== undefined, `slot ${sequenceId} is released though it never ran`);
  }

  releaseWeights(): Promise<void> {
    return this.#inner.releaseWeights();
  }

  resumeWeights(): Promise<void> {
    return this.#inner.resumeWeights();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Pages that are read or written for another engine are nobody else's meanwhile. */
  #checkRun(table: Int32Array, start: number, count: number): Set<number> {
    const { pageSize } = this.info;
    const pages = new Set<number>();
    for (let token = start; token < start + count; token++) {
      const page = table[Math.floor(token / pageSize)]!;
      demand(!this.core!.pool.isFree(page), `leased page ${page} is not free`);
      pages.add(page);
    }
    return pages;
  }

  #cachedPages(): Set<number> {
    const cached = new Set<number>();
    this.core?.cache.forEach((node) => {
      for (const page of node.pages) cached.add(page);
    });
    return cached;
  }

  #check(batch: ForwardBatch): void {
    const { pageSize, pageCount, vocabSize } = this.info;
    const { rowCount, newLengths, pastLengths, pageTable, pagesPerRow, sequenceIds } = batch;
    demand(rowCount > 0 && newLengths.length === rowCount, "a step has rows");
    demand(new Set(sequenceIds).size === rowCount, "rows are distinct sequences");
    demand(pageTable.length === rowCount * pagesPerRow, "the page table is rowCount x pagesPerRow");
    demand(batch.sampling.length === batch.logitPositions.length, "each logit has its sampling");
    const cached = this.#cachedPages();
    const written = new Set<number>();
    let tokenCount = 0;
    for (let row = 0; row < rowCount; row++) {
      const past = pastLengths[row]!;
      const end = past + newLengths[row]!;
      demand(newLengths[row]! > 0, "a row has new tokens");
      demand(batch.kind === "prefill" || newLengths[row] === 1, "a decode row has one new token");
      tokenCount += newLengths[row]!;
      demand(sequenceIds[row]! < this.core!.info.maxRunningRequests, "sequence ids are small");
      this.#holding.add(sequenceIds[row]!);
      for (let i = 0; i < pagesPerRow; i++) {
        const page = pageTable[row * pagesPerRow + i]!;
        if (i >= Math.ceil(end / pageSize)) {
          demand(page === -1, "behind the last page stands -1");
          continue;
        }
        demand(page >= 0 && page < pageCount, `page ${page} exists`);
        demand(!this.core!.pool.isFree(page), `page ${page} is not free`);
        if ((i + 1) * pageSize <= past) continue;
        demand(!cached.has(page) && !written.has(page), `page ${page} is written by one row alone`);
        written.add(page);
      }
    }
    demand(batch.tokenIds.length === tokenCount, "new lengths add up");
    demand(
      batch.tokenIds.every((id) => id >= 0 && id < vocabSize),
      "ids are in the vocabulary",
    );
    for (let i = 0; i < batch.logitPositions.length; i++) {
      const position = batch.logitPositions[i]!;
      demand(
        position < tokenCount && position > (batch.logitPositions[i - 1] ?? -1),
        "positions ascend",
      );
    }
  }
}

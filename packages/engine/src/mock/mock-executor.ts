// An executor without a model. Its KV cache is real, though: each slot of a page holds a hash of the whole prefix,
// so the next token depends on every token before it, read through the page table. A wrong page gives a wrong token.
import { setTimeout as sleepFor } from "node:timers/promises";
import { InternalError, UnavailableError } from "@dyn/protocol";
import type { Executor, ExecutorInfo, ForwardBatch, StepResult } from "../contract/executor.ts";
import { MockKvStore } from "./mock-kv-store.ts";
import type { MockExecutorOptions } from "./mock-options.ts";
import { Pacer } from "./pacer.ts";

/** Above every other logit by so much that no sampling parameter below temperature 2 lets another token win. */
const peakLogit = 80;
const rootHash = 0x2545f491;

/** For tests and sizing; `createMockEngine` makes an engine of it. */
export class MockExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly kv: MockKvStore;
  readonly #prefillUsPerToken: number;
  readonly #decodeMsPerStep: number;
  readonly #decodeUsPerSequence: number;
  readonly #speed: number;
  readonly #output: "tokens" | "logits";
  readonly #nextToken: (prefixHash: number, position: number) => number;
  readonly #pacer: Pacer;
  /** Hash of the prefix that ends at this slot. [pageCount x pageSize] */
  readonly #kv: Uint32Array;
  #tokens = new Int32Array(256);
  #logits = new Float32Array(0);
  #hasWeights = true;

  constructor(options: MockExecutorOptions = {}) {
    const vocabSize = options.vocabSize ?? 32000;
    this.info = {
      kind: "mock",
      dtype: "none",
      vocabSize,
      contextLength: options.contextLength ?? 32768,
      pageSize: options.pageSize ?? 16,
      pageCount: options.pageCount ?? 4096,
      kvBytesPerToken: options.kvBytesPerToken ?? 0,
      weightBytes: 0,
    };
    this.#prefillUsPerToken = options.prefillUsPerToken ?? 0;
    this.#decodeMsPerStep = options.decodeMsPerStep ?? 0;
    this.#decodeUsPerSequence = options.decodeUsPerSequence ?? 0;
    this.#speed = options.speed ?? 1;
    this.#output = options.output ?? "tokens";
    this.#nextToken = options.nextToken ?? ((prefixHash) => prefixHash % vocabSize);
    const now = options.now ?? (() => performance.now());
    const sleep = options.sleep ?? (async (ms: number) => void (await sleepFor(ms)));
    this.#pacer = new Pacer(now, sleep);
    this.#kv = new Uint32Array(this.info.pageCount * this.info.pageSize);
    this.kv = new MockKvStore({
      slots: this.#kv,
      pageSize: this.info.pageSize,
      usPerToken:
        this.info.kvBytesPerToken /
        (1000 * (options.kvGigabytesPerSecond ?? Infinity)) /
        this.#speed,
      pacer: new Pacer(now, sleep),
    });
  }

  async step(batch: ForwardBatch): Promise<StepResult> {
    if (!this.#hasWeights) throw new UnavailableError("The weights are released.");
    await this.#pacer.spend(this.#durationMs(batch));
    const asLogits = this.#output === "logits" || batch.logitsRequired === true;
    const { vocabSize } = this.info;
    const logitCount = batch.logitPositions.length;
    if (asLogits && this.#logits.length < logitCount * vocabSize) {
      this.#logits = new Float32Array(logitCount * vocabSize);
    }
    if (this.#tokens.length < logitCount) this.#tokens = new Int32Array(logitCount * 2);
    this.#forward(batch);
    if (!asLogits) return { kind: "tokens", tokenIds: this.#tokens.subarray(0, logitCount) };
    const logits = this.#logits.subarray(0, logitCount * vocabSize);
    logits.fill(0);
    for (let i = 0; i < logitCount; i++) logits[i * vocabSize + this.#tokens[i]!] = peakLogit;
    return { kind: "logits", logits };
  }

  releaseSequence(): void {}

  releaseWeights(): Promise<void> {
    this.#hasWeights = false;
    return Promise.resolve();
  }

  resumeWeights(): Promise<void> {
    this.#hasWeights = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.releaseWeights();
  }

  #durationMs(batch: ForwardBatch): number {
    const ms =
      batch.kind === "prefill"
        ? (batch.tokenIds.length * this.#prefillUsPerToken) / 1000
        : this.#decodeMsPerStep + (batch.rowCount * this.#decodeUsPerSequence) / 1000;
    return ms / this.#speed;
  }

  /** Writes the hashes of the new tokens into their slots, and the next tokens of the wanted positions. */
  #forward(batch: ForwardBatch): void {
    let token = 0;
    let logit = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      const past = batch.pastLengths[row]!;
      const end = past + batch.newLengths[row]!;
      let hash = past === 0 ? rootHash : this.#kv[this.#slot(batch, row, past - 1)]!;
      for (let position = past; position < end; position++, token++) {
        hash = mix(hash, batch.tokenIds[token]!);
        this.#kv[this.#slot(batch, row, position)] = hash;
        if (batch.logitPositions[logit] !== token) continue;
        const { params, seed } = batch.sampling[logit]!;
        const isGreedy = params.temperature < 1e-6 || params.topK === 1;
        const drawn = isGreedy ? hash : mix(mix(hash, seed >>> 0), Math.floor(seed / 2 ** 32));
        this.#tokens[logit++] = this.#nextToken(drawn, position + 1);
      }
    }
  }

  #slot(batch: ForwardBatch, row: number, position: number): number {
    const { pageSize } = this.info;
    const page = batch.pageTable[row * batch.pagesPerRow + Math.floor(position / pageSize)] ?? -1;
    if (page < 0) {
      throw new InternalError(`Row ${row} has no page for its token at position ${position}.`);
    }
    return page * pageSize + (position % pageSize);
  }
}

/** A 32-bit mix of a hash and a word, all of whose bits spread. */
function mix(hash: number, word: number): number {
  let mixed = Math.imul(hash ^ word, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

import type { EngineOptions } from "../core/engine-options.ts";

/** What the mock pretends to be, and how long it takes. Timing is honest: every step takes what these say. */
export interface MockExecutorOptions {
  /** Default 32000. */
  readonly vocabSize?: number;
  /** Default 32768. */
  readonly contextLength?: number;
  /** Tokens per page. Default 16. */
  readonly pageSize?: number;
  /** KV budget. Default 4096. */
  readonly pageCount?: number;
  /** Per new prompt token. Default 0. */
  readonly prefillUsPerToken?: number;
  /** Per decode step, whatever its size. Default 0. */
  readonly decodeMsPerStep?: number;
  /** Per decode step and sequence. Default 0. */
  readonly decodeUsPerSequence?: number;
  /** KV of a token that the mock pretends to have. Default 0. */
  readonly kvBytesPerToken?: number;
  /** How fast KV goes to another engine: it takes kvBytesPerToken x tokens over this. Default: no time. */
  readonly kvGigabytesPerSecond?: number;
  /** Divides every time. Default 1. */
  readonly speed?: number;
  /** `tokens` samples as a device would, unless a step needs logits. Default `tokens`. */
  readonly output?: "tokens" | "logits";
  /**
   * The token after a prefix. `prefixHash`: 32 bits that depend on every token of the prefix (and on the seed,
   * if the request is not greedy); `position`: index of the new token in the sequence. Default: any token, by hash.
   */
  readonly nextToken?: (prefixHash: number, position: number) => number;
  /** Milliseconds; only differences count. Default performance.now. */
  readonly now?: () => number;
  /** Default setTimeout. */
  readonly sleep?: (ms: number) => Promise<void>;
}

export interface MockEngineOptions extends MockExecutorOptions, EngineOptions {}

/** What can cross to another thread: everything but functions. */
export type MockThreadOptions = Omit<
  MockEngineOptions,
  "nextToken" | "now" | "sleep" | "random" | "createDecoder" | "grammars"
> & {
  /** Holds tokenizer.json; without it requests with a grammar are refused. */
  readonly tokenizerDirectory?: string;
};

import type { GrammarCompiler } from "@dyn/grammar";
import type { KvTransfer } from "../contract/kv-transfer.ts";
import type { SchedulerOptions } from "../scheduler/scheduler-options.ts";
import type { TokenDecoder } from "./token-decoder.ts";

export interface EngineOptions extends Partial<SchedulerOptions> {
  /** Uses fewer pages than the executor has; `null` = all of them. */
  readonly maxTotalTokens?: number | null;
  /** Choices that one request may ask for. Default 128. */
  readonly maxChoices?: number;
  /** Logits of prompt tokens in one step, when their log-probabilities are wanted: bounds memory. Default 2^24, 64 MB. */
  readonly maxPromptLogits?: number;
  /** Text for stop strings and stop patterns; without it requests with them are refused. */
  readonly createDecoder?: () => TokenDecoder;
  /** For requests with a grammar; without it they are refused. The engine's owner closes it after the engine. */
  readonly grammars?: GrammarCompiler;
  /** Milliseconds, for throughput and event times. Default Date.now. */
  readonly now?: () => number;
  /** No request uses the KV of another one; its own choices still share their prompt. Default false. */
  readonly disableRadixCache?: boolean;
  /** Makes drawn seeds and the random policy repeatable: equal requests in equal order get equal answers. */
  readonly randomSeed?: number | null;
  /** Uniform in [0, 1), for drawn seeds and the random policy. Default by `randomSeed`, else Math.random. */
  readonly random?: () => number;
  /** Takes part in disaggregated serving by this, which @dyn/disagg makes. The engine closes its port. */
  readonly kvTransfer?: KvTransfer;
}

import type { EngineOptions } from "@dyn/engine";
import type { OnnxExecutorOptions } from "../executor/create-onnx-executor.ts";
import type { LoadPhase } from "../executor/load-phase.ts";

/** The scheduler's options, less what cannot cross to another thread; stop strings are thus refused. */
type SchedulingOptions = Omit<EngineOptions, "createDecoder" | "grammars" | "now" | "random">;

export interface OnnxEngineOptions
  extends Omit<OnnxExecutorOptions, "onLoadPhase" | "maxRunningRequests" | "maxTotalTokens">,
    SchedulingOptions {
  /** Holds tokenizer.json, read when the first grammar comes. Default: the model directory. */
  readonly tokenizerDirectory?: string;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
  /** How long the model may take to load. Default 600 000. */
  readonly startTimeoutMs?: number;
  /** Told as each phase of loading ends. */
  readonly onLoadPhase?: (phase: LoadPhase) => void;
}

/** What the engine's thread is started with. */
export type OnnxThreadOptions = Omit<
  OnnxEngineOptions,
  "signal" | "startTimeoutMs" | "onLoadPhase"
>;

/**
 * On a CPU a step of 8192 prompt tokens takes tens of seconds, during which nobody else gets a token:
 * chunks are small, and few requests run at once.
 */
export const defaultScheduling = {
  maxRunningRequests: 64,
  chunkedPrefillSize: 512,
  maxPrefillTokens: 1024,
} as const satisfies SchedulingOptions;

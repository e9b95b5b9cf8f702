import type { WorkerArgs } from "@dyn/args";
import type { EmbeddingEngine } from "@dyn/engine";
import type { Logger } from "@dyn/logging";
import type { MetricsRegistry } from "@dyn/metrics";
import type { CardFiles, ModelCard } from "@dyn/protocol";
import type { AdmissionGate, DistributedRuntime } from "@dyn/runtime";
import type { Tokenizer, TokenizerPool } from "@dyn/tokenizer";
import type { Tracer } from "@dyn/tracing";
import type { WorkerSystem } from "../system/start-system.ts";

/** What an init file of a worker that makes vectors is given. */
export interface VectorWorkerParts {
  readonly args: WorkerArgs;
  readonly logger: Logger;
  readonly modelDirectory: string;
  readonly tokenizerDirectory: string;
  readonly files: CardFiles;
  readonly tokenizer: Tokenizer;
  /** The same tokenizer, for long texts. */
  readonly pool: TokenizerPool;
  readonly runtime: DistributedRuntime;
  readonly system: WorkerSystem | null;
  readonly tracer: Tracer;
  /** `null`: everything is taken. */
  readonly admission: AdmissionGate | null;
  /** Aborted when what still runs must end and go on elsewhere. */
  readonly shutdown: AbortSignal;
  /** Aborted when the start is given up. */
  readonly signal: AbortSignal;
}

/** What it gives back once the model is announced. */
export interface VectorWorker {
  readonly engine: EmbeddingEngine;
  readonly card: ModelCard;
  showMetrics(registry: MetricsRegistry): void;
  /** Before the engine is closed. */
  endHealthWatch(): void;
}

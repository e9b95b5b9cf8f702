// What a started worker is made of, for its log and for start-up tables.
import type { EmbeddingEngineInfo, EngineInfo } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import type { ModelCard } from "@dyn/protocol";
import { formatAddress } from "@dyn/runtime";

type ModelFacts = {
  readonly architecture: string;
  readonly engine: string;
  readonly dtype: string;
  readonly weightMb: number;
  readonly contextLength: number;
};

/** Of a worker that generates text. */
export type GenerateFacts = ModelFacts & {
  readonly kvTokens: number;
  readonly kvMb: number;
  readonly pageSize: number;
  readonly maxRunningRequests: number;
  /** Unless it does everything by one engine. */
  readonly role?: "prefill" | "decode";
  /** Where a prefill worker hands over. */
  readonly bootstrap?: string;
  /** Data-parallel ranks, where there are several. */
  readonly dpSize?: number;
};

/** Of an embedding or rerank worker. */
export type VectorFacts = ModelFacts & {
  readonly serves: "embedding" | "rerank";
  readonly vectorSize: number;
  readonly maxBatchTokens: number;
};

export type WorkerFacts = GenerateFacts | VectorFacts;

export function generateFacts(
  config: ModelConfig,
  engine: EngineInfo,
  card: ModelCard,
): GenerateFacts {
  const kvTokens = engine.pageCount * engine.pageSize;
  return {
    ...modelFacts(config, engine),
    kvTokens,
    kvMb: round((kvTokens * engine.kvBytesPerToken) / 1e6),
    pageSize: engine.pageSize,
    maxRunningRequests: engine.maxRunningRequests,
    ...roleOf(card),
  };
}

export function vectorFacts(
  serves: VectorFacts["serves"],
  config: ModelConfig,
  engine: EmbeddingEngineInfo,
): VectorFacts {
  return {
    ...modelFacts(config, engine),
    serves,
    vectorSize: engine.vectorSize,
    maxBatchTokens: engine.maxBatchTokens,
  };
}

function modelFacts(config: ModelConfig, engine: EngineInfo | EmbeddingEngineInfo): ModelFacts {
  return {
    architecture: config.architecture,
    engine: engine.kind,
    dtype: engine.dtype,
    weightMb: round(engine.weightBytes / 1e6),
    contextLength: engine.contextLength,
  };
}

/** What sets the worker apart from one that does everything by one engine. */
function roleOf({
  workerType,
  runtimeConfig = {},
}: ModelCard): Pick<GenerateFacts, "role" | "bootstrap" | "dpSize"> {
  const { dataParallelSize = 1, disaggregatedEndpoint: meeting } = runtimeConfig;
  return {
    ...(workerType === "prefill" || workerType === "decode" ? { role: workerType } : {}),
    ...(meeting === undefined
      ? {}
      : { bootstrap: formatAddress(meeting.bootstrapHost, meeting.bootstrapPort) }),
    ...(dataParallelSize === 1 ? {} : { dpSize: dataParallelSize }),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

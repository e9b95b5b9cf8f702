// From a model directory to what computes its vectors: config, checkpoint, quantised weights, graph, session.
import { availableParallelism } from "node:os";
import type { EmbeddingExecutorInfo } from "@dyn/engine";
import { loadEmbeddingConfig, loadModelConfig, openCheckpoint } from "@dyn/model-files";
import { InvalidArgumentError } from "@dyn/protocol";
import { LoadClock, type LoadPhase } from "../executor/load-phase.ts";
import { estimateRunCosts } from "../executor/plan-runs.ts";
import { countWeightBytes } from "../executor/weight-bytes.ts";
import { buildDecoderGraph, type GraphOutput } from "../graph/decoder-graph.ts";
import { defaultCacheDirectory, openQuantizedCheckpoint } from "../quantize/quantized-cache.ts";
import { BindingSession } from "../runtime/binding-session.ts";
import { bodyCheckpoint } from "../weights/body-checkpoint.ts";
import { EmbeddingRunner } from "./embedding-runner.ts";

export interface EmbeddingModelOptions {
  /** A directory of transformers or sentence-transformers: config.json, safetensors, modules.json where there is one. */
  readonly modelDirectory: string;
  /** `null` (default) computes exactly, in float32; `q8` in 8 bit blocks, quantised once and cached. */
  readonly quantization?: "q8" | null;
  /** Tokens of one prompt; default: what the model's makers allow, upper bound: its positions. */
  readonly contextLength?: number | null;
  /**
   * Instead of embeddings: the logits of these tokens behind the prompt, in this order, neither pooled nor scaled.
   * A reranker that answers yes or no is asked for the two.
   */
  readonly labelTokenIds?: readonly number[] | null;
  /** Tokens of a long prompt that are computed at once; `null` (default): as memory allows. */
  readonly maxPieceTokens?: number | null;
  /** Threads of one run. Default: the processors that this process may use. */
  readonly threadCount?: number | null;
  /** Where quantised weights are kept. Default `${XDG_CACHE_HOME:-~/.cache}/dyn/quantized`. */
  readonly cacheDirectory?: string | null;
}

export interface EmbeddingModel {
  readonly info: EmbeddingExecutorInfo;
  readonly runner: EmbeddingRunner;
}

/** Throws ModelFileError for files that cannot be used, InvalidArgumentError for options that cannot work. */
export async function loadEmbeddingModel(
  options: EmbeddingModelOptions,
  onLoadPhase?: (phase: LoadPhase) => void,
): Promise<EmbeddingModel> {
  const { modelDirectory, quantization = null } = options;
  const labels = options.labelTokenIds ?? null;
  const threadCount = options.threadCount ?? availableParallelism();
  requireCount("threadCount", threadCount);
  if (options.maxPieceTokens != null) requireCount("maxPieceTokens", options.maxPieceTokens);
  const clock = new LoadClock(onLoadPhase);
  const read = await loadModelConfig(modelDirectory, { takesBodies: labels === null });
  const checkpoint = bodyCheckpoint(await openCheckpoint(modelDirectory));
  // A body has no head of its own; what is quantised in its place is never read.
  const config = checkpoint.has("lm_head.weight") ? read : { ...read, tieWordEmbeddings: true };
  const embedding = await loadEmbeddingConfig(modelDirectory);
  const longest = config.contextLength;
  const allowed = labels === null ? Math.min(embedding.maxTokens ?? longest, longest) : longest;
  const contextLength = options.contextLength ?? allowed;
  requireCount("contextLength", contextLength, longest);
  for (const id of labels ?? []) requireCount("labelTokenIds", id + 1, config.vocabSize);
  clock.end("read");

  let quantized = null;
  if (quantization === "q8") {
    const cacheDirectory = options.cacheDirectory ?? defaultCacheDirectory();
    const opened = await openQuantizedCheckpoint({
      config,
      checkpoint,
      cacheDirectory,
      threadCount,
    });
    quantized = opened.checkpoint;
    clock.end("quantize", opened.origin);
  }
  const output: GraphOutput =
    labels === null ? { kind: "hidden" } : { kind: "labels", tokenIds: labels };
  const model = buildDecoderGraph({
    config,
    checkpoint,
    quantized,
    attention: "ragged",
    pageSize: 1,
    output,
  });
  const weightFile = checkpoint.tensors.values().next().value?.file ?? null;
  const session = new BindingSession({ model, weightFile, threadCount });
  clock.end("session");
  const weightBytes = countWeightBytes(config, checkpoint, quantized !== null, false);
  const vectorSize = labels?.length ?? config.hiddenSize;
  return {
    info: {
      kind: "onnx",
      dtype: quantization ?? "f32",
      vocabSize: config.vocabSize,
      contextLength,
      vectorSize,
      weightBytes,
    },
    runner: new EmbeddingRunner({
      config,
      session,
      costs: estimateRunCosts(config, weightBytes, 0),
      vectorSize,
      pooling: labels === null ? embedding.pooling : "lasttoken",
      normalize: labels === null && embedding.normalize,
      maxPieceTokens: options.maxPieceTokens ?? null,
    }),
  };
}

function requireCount(param: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  const bound = most === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${most}`;
  throw new InvalidArgumentError(
    `${param} is ${value}; it must be a whole number, at least 1${bound}.`,
    { param },
  );
}

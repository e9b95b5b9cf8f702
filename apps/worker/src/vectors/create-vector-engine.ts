import { isGiven, type WorkerArgs } from "@dyn/args";
import type { EmbeddingEngine } from "@dyn/engine";
import { createOnnxEmbeddingEngine } from "@dyn/engine-onnx";

/** `labelTokenIds`: the tokens whose logits are wanted instead of embeddings. */
export function createVectorEngine(
  args: WorkerArgs,
  source: {
    readonly modelDirectory: string;
    readonly labelTokenIds: readonly number[] | null;
    readonly signal: AbortSignal;
  },
): Promise<EmbeddingEngine> {
  const { engine } = args.values;
  return createOnnxEmbeddingEngine({
    ...source,
    quantization: engine.quantization ?? null,
    contextLength: engine.contextLength ?? null,
    maxQueuedRequests: engine.maxQueuedRequests ?? null,
    ...(isGiven(args, "engine", "maxPrefillTokens")
      ? { maxBatchTokens: engine.maxPrefillTokens }
      : {}),
    ...(engine.threads === undefined ? {} : { threadCount: engine.threads }),
  });
}

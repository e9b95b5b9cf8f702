// This package as a user has it: the engine on its thread, all texts in one request.
import { createOnnxEmbeddingEngine } from "../../src/index.ts";
import { randomPrompt } from "../engines/bench-engine.ts";
import type { BenchEmbedder, EmbedderSettings } from "./embedder.ts";

export async function openDynEmbedder(settings: EmbedderSettings): Promise<BenchEmbedder> {
  const engine = await createOnnxEmbeddingEngine({
    modelDirectory: settings.model,
    quantization: settings.quantization,
    threadCount: settings.threadCount,
    cacheDirectory: settings.cacheDirectory,
    maxBatchTokens: Number(process.env.BATCH_TOKENS ?? 2048),
  });
  return {
    async embed(textCount, tokenCount) {
      const prompts = Array.from({ length: textCount }, () =>
        Uint32Array.from(randomPrompt(tokenCount, settings.vocabSize)),
      );
      const start = performance.now();
      await engine.embed({ prompts });
      return performance.now() - start;
    },
    close: () => engine.close(),
  };
}

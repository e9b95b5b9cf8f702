// This package as a user has it: the engine on its thread, all texts in one request.
import { createOnnxEmbeddingEngine } from "../../src/index.ts";
import { randomPrompt } from "../engines/bench-engine.ts";
import { type BenchEmbedder, type EmbedderSettings, measureCost } from "./embedder.ts";

export async function openDynEmbedder(settings: EmbedderSettings): Promise<BenchEmbedder> {
  const engine = await createOnnxEmbeddingEngine({
    modelDirectory: settings.model,
    quantization: settings.quantization,
    threadCount: settings.threadCount,
    cacheDirectory: settings.cacheDirectory,
  });
  return {
    async embed(textCount, tokenCount) {
      const prompts = Array.from({ length: textCount }, () =>
        Uint32Array.from(randomPrompt(tokenCount, settings.vocabSize)),
      );
      return measureCost(() => engine.embed({ prompts }));
    },
    close: () => engine.close(),
  };
}

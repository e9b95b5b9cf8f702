// llama.cpp through node-llama-cpp, as its users have it: texts asked for together, which it computes one by one.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { randomPrompt } from "../engines/bench-engine.ts";
import { type BenchEmbedder, type EmbedderSettings, measureCost } from "./embedder.ts";

interface LlamaModule {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createEmbeddingContext(options: object): Promise<{
        getEmbeddingFor(tokens: number[]): Promise<{ readonly vector: readonly number[] }>;
      }>;
      dispose(): Promise<void>;
    }>;
  }>;
}

export async function openLlamaEmbedder(settings: EmbedderSettings): Promise<BenchEmbedder> {
  const require = createRequire(join(settings.peerDirectory, "package.json"));
  const entry = pathToFileURL(require.resolve("node-llama-cpp")).href;
  const { getLlama } = (await import(entry)) as LlamaModule;
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: settings.threadCount,
  });
  const model = await llama.loadModel({ modelPath: settings.model });
  const context = await model.createEmbeddingContext({
    contextSize: 1024,
    batchSize: 1024,
    threads: settings.threadCount,
  });
  return {
    async embed(textCount, tokenCount) {
      const texts = Array.from({ length: textCount }, () =>
        randomPrompt(tokenCount, settings.vocabSize),
      );
      return measureCost(() => Promise.all(texts.map((tokens) => context.getEmbeddingFor(tokens))));
    },
    close: () => model.dispose(),
  };
}

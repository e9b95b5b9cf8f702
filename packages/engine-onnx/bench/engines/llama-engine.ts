// llama.cpp through node-llama-cpp, as its users have it. The package is installed by the benchmark, not by this repository.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BenchEngine, type BenchSettings, randomPrompt } from "./bench-engine.ts";

interface LlamaSequence {
  evaluate(tokens: number[], options: object): AsyncGenerator<number, void>;
  evaluateWithoutGeneratingNewTokens(tokens: number[]): Promise<void>;
  clearHistory(): Promise<void>;
}

interface LlamaContext {
  getSequence(): LlamaSequence;
}

interface LlamaModule {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<LlamaContext>;
      dispose(): Promise<void>;
    }>;
  }>;
}

export async function openLlamaEngine(settings: BenchSettings): Promise<BenchEngine> {
  const { vocabSize, threadCount, contextLength, maxBatchSize } = settings;
  const require = createRequire(join(settings.peerDirectory, "package.json"));
  const entry = pathToFileURL(require.resolve("node-llama-cpp")).href;
  const { getLlama } = (await import(entry)) as LlamaModule;
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    maxThreads: threadCount,
  });
  const model = await llama.loadModel({ modelPath: settings.model });
  const context = await model.createContext({
    contextSize: contextLength,
    sequences: maxBatchSize,
    threads: threadCount,
    batchSize: 512,
  });
  const sequences = Array.from({ length: maxBatchSize }, () => context.getSequence());
  return {
    async prefill(tokenCount) {
      const sequence = sequences[0]!;
      await sequence.clearHistory();
      const tokens = randomPrompt(tokenCount, vocabSize);
      const start = performance.now();
      await sequence.evaluateWithoutGeneratingNewTokens(tokens);
      return performance.now() - start;
    },
    async decode(batchSize, promptLength, steps) {
      const streams = await Promise.all(
        sequences.slice(0, batchSize).map(async (sequence) => {
          await sequence.clearHistory();
          return sequence.evaluate(randomPrompt(promptLength, vocabSize), {
            temperature: 0,
            yieldEogTokens: true,
          });
        }),
      );
      const next = () => Promise.all(streams.map((stream) => stream.next()));
      await next();
      await next();
      const start = performance.now();
      for (let step = 0; step < steps; step++) await next();
      const stepMs = (performance.now() - start) / steps;
      await Promise.all(streams.map((stream) => stream.return(undefined)));
      return stepMs;
    },
    close: () => model.dispose(),
  };
}

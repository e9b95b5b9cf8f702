// llama.cpp through node-llama-cpp, as its users have it. The package is installed by the benchmark, not by this repository.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BenchEngine, type BenchSettings, randomPrompt } from "./bench-engine.ts";

interface LlamaSequence {
  evaluate(tokens: number[], options: object): AsyncGenerator<number, void>;
  evaluateWithoutGeneratingNewTokens(tokens: number[]): Promise<void>;
  clearHistory(): Promise<void>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  readonly nextTokenIndex: number;
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
    sequences: maxBatchSize + 1,
    threads: threadCount,
    batchSize: 512,
  });
  // One more for prefills, so that the prompts of the others stay.
  const sequences = Array.from({ length: maxBatchSize + 1 }, () => context.getSequence());
  const prefillSequence = sequences.pop()!;
  const prompts = sequences.map(() => randomPrompt(settings.decodeContext, vocabSize));
  const last = settings.decodeContext - 1;
  return {
    async prefill(tokenCount) {
      await prefillSequence.clearHistory();
      const tokens = randomPrompt(tokenCount, vocabSize);
      const start = performance.now();
      await prefillSequence.evaluateWithoutGeneratingNewTokens(tokens);
      return performance.now() - start;
    },
    async decode(batchSize, steps) {
      const streams: AsyncGenerator<number, void>[] = [];
      for (const [i, sequence] of sequences.slice(0, batchSize).entries()) {
        const prompt = prompts[i]!;
        const end = sequence.nextTokenIndex;
        if (end === 0) await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(0, last));
        else await sequence.eraseContextTokenRanges([{ start: last, end }]);
        const options = { temperature: 0, yieldEogTokens: true };
        streams.push(sequence.evaluate(prompt.slice(last), options));
      }
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

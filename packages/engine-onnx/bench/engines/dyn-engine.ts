// This package as a user has it: the engine on its thread, asked through the contract.
import { createGenerateRequest, type GenerateRequest } from "@dyn/engine";
import { createOnnxEngine } from "../../src/index.ts";
import { type BenchEngine, type BenchSettings, randomPrompt } from "./bench-engine.ts";

export async function openDynEngine(settings: BenchSettings): Promise<BenchEngine> {
  const { vocabSize, maxBatchSize, contextLength } = settings;
  const engine = await createOnnxEngine({
    modelDirectory: settings.model,
    quantization: settings.quantization,
    threadCount: settings.threadCount,
    maxTotalTokens: (maxBatchSize + 1) * contextLength,
    maxRunningRequests: maxBatchSize,
    cacheDirectory: settings.cacheDirectory,
  });
  const decodePrompts = Array.from({ length: maxBatchSize }, () =>
    randomPrompt(settings.decodeContext, vocabSize),
  );
  const request = (prompt: readonly number[], maxNewTokens: number): GenerateRequest =>
    createGenerateRequest({
      tokenIds: prompt,
      sampling: { temperature: 0, maxNewTokens, ignoreEos: true },
    });
  return {
    async prefill(tokenCount) {
      const prompt = randomPrompt(tokenCount, vocabSize);
      const start = performance.now();
      for await (const _ of engine.generate(request(prompt, 1))) break;
      return performance.now() - start;
    },
    async decode(batchSize, steps) {
      let started = 0;
      let first = 0;
      let last = 0;
      await Promise.all(
        decodePrompts.slice(0, batchSize).map(async (prompt, row) => {
          let tokenCount = 0;
          let stepCount = -1;
          // Prompts are computed one after the other: steps of the whole batch begin when the last one has started.
          for await (const _output of engine.generate(request(prompt, 300))) {
            tokenCount += 1;
            if (tokenCount === 1) started += 1;
            if (started < batchSize) continue;
            stepCount += 1;
            if (row === 0 && stepCount === 1) first = performance.now();
            if (row === 0 && stepCount === steps + 1) last = performance.now();
            if (stepCount > steps) break;
          }
        }),
      );
      return (last - first) / steps;
    },
    close: () => engine.close(),
  };
}

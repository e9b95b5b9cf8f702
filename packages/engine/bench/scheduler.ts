// What scheduler, cache and bookkeeping cost per step when computing costs nothing, and what a large radix tree costs.
// Run: node --conditions=@dyn/source --import tsx packages/engine/bench/scheduler.ts
import { cpus } from "node:os";
import { createGenerateRequest, type Executor, MockExecutor } from "@dyn/engine";
import { PagePool } from "../src/cache/page-pool.ts";
import { RadixCache } from "../src/cache/radix-cache.ts";
import { EngineCore } from "../src/core/engine-core.ts";

console.log(
  `node ${process.version}, ${cpus()[0]!.model}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}`,
);

/** Counts the time that belongs to the executor. */
function timed(executor: Executor): { executor: Executor; spentMs: () => number } {
  let spent = 0;
  return {
    spentMs: () => spent,
    executor: {
      info: executor.info,
      step: async (batch) => {
        const start = performance.now();
        const result = await executor.step(batch);
        spent += performance.now() - start;
        return result;
      },
      releaseSequence: (id) => executor.releaseSequence(id),
      releaseWeights: () => executor.releaseWeights(),
      resumeWeights: () => executor.resumeWeights(),
      close: () => executor.close(),
    },
  };
}

async function decodeSteps(
  sequences: number,
  promptTokens: number,
  pageSize: number,
): Promise<void> {
  const newTokens = 1200;
  const pageCount = Math.ceil((sequences * (promptTokens + newTokens + 2 * pageSize)) / pageSize);
  const { executor, spentMs } = timed(
    new MockExecutor({ pageCount, pageSize, contextLength: promptTokens + newTokens + 1 }),
  );
  const core = new EngineCore(executor, {
    maxRunningRequests: sequences,
    maxPrefillTokens: 2 ** 20,
    chunkedPrefillSize: null,
    scheduleConservativeness: 0.01,
  });
  for (let i = 0; i < sequences; i++) {
    core.submit(
      createGenerateRequest({
        tokenIds: Uint32Array.from({ length: promptTokens }, (_, at) => (at * 7 + i * 13) % 32000),
        sampling: { maxNewTokens: newTokens },
        eosTokenIds: [2],
      }),
    );
  }
  while (core.metrics().decodeSteps < 200) await core.step();
  const samples: number[] = [];
  for (let step = 0; step < 800; step++) {
    const inExecutor = spentMs();
    const start = performance.now();
    await core.step();
    samples.push(performance.now() - start - (spentMs() - inExecutor));
  }
  samples.sort((a, b) => a - b);
  const mean = samples.reduce((sum, ms) => sum + ms, 0) / samples.length;
  const us = (ms: number) => `${(ms * 1000).toFixed(0)} us`;
  console.log(
    `decode, ${sequences} sequences, ${promptTokens} prompt tokens, page ${pageSize}: mean ${us(mean)}, p50 ${us(samples[400]!)}, p99 ${us(samples[792]!)} per step, ${(1000 / mean).toFixed(0)} steps/s, ${((1000 / mean) * core.metrics().runningRequests).toFixed(0)} tokens/s`,
  );
  core.close();
}

function radixTree(pageSize: number, pagesPerPrompt: number, prompts: number): void {
  const namespace = { cacheSalt: null, extraKey: null };
  const total = pagesPerPrompt * prompts;
  const pool = new PagePool(total + pagesPerPrompt);
  const cache = new RadixCache({ pageSize, pool });
  const tokens = new Uint32Array(pagesPerPrompt * pageSize);
  /** Prompts share the first eighth with seven others. */
  const fill = (prompt: number) => {
    for (let i = 0; i < tokens.length; i++) {
      const owner = i < tokens.length / 8 ? prompt >> 3 : prompt;
      tokens[i] = Math.imul(i + 1, 2654435761 + owner * 40503) >>> 15;
    }
  };
  const pages = new Int32Array(pagesPerPrompt);
  let insertMs = 0;
  for (let prompt = 0; prompt < prompts; prompt++) {
    fill(prompt);
    for (let i = 0; i < pagesPerPrompt; i++) pages[i] = pool.allocate();
    const start = performance.now();
    cache.insert(namespace, tokens, pages, pagesPerPrompt, 0);
    insertMs += performance.now() - start;
  }
  const held = cache.evictablePages;
  let matchMs = 0;
  const matches = 2000;
  for (let i = 0; i < matches; i++) {
    fill((i * 7919) % prompts);
    const start = performance.now();
    const { pageCount } = cache.match(namespace, tokens, tokens.length, pages);
    matchMs += performance.now() - start;
    if (pageCount !== pagesPerPrompt) throw new Error("A prompt was not found whole.");
  }
  const evictStart = performance.now();
  let evicted = 0;
  let calls = 0;
  while (evicted < held / 2) {
    evicted += cache.evict(1);
    calls++;
  }
  const evictMs = performance.now() - evictStart;
  const us = (ms: number, count: number) => `${((ms / count) * 1000).toFixed(1)} us`;
  console.log(
    `tree of ${held} pages of ${pageSize} (${prompts} prompts of ${tokens.length} tokens): insert ${us(insertMs, prompts)}, match ${us(matchMs, matches)} per prompt, evict ${us(evictMs, calls)} per node`,
  );
}

for (const sequences of [1, 64, 256]) await decodeSteps(sequences, 512, 16);
await decodeSteps(256, 8192, 16);
await decodeSteps(256, 512, 1);
radixTree(16, 64, 18_000);
radixTree(1, 1024, 1_100);

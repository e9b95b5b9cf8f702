// Queue, turns and limits of the embedding engine. Oracle: an executor whose vectors tell the prompt they belong to.
import {
  createEmbeddingEngine,
  type EmbeddingBatch,
  type EmbeddingEngineOptions,
  type EmbeddingExecutor,
} from "@dyn/engine";
import fc from "fast-check";
import { expect, test } from "vitest";

class StepExecutor implements EmbeddingExecutor {
  readonly info = {
    kind: "test",
    dtype: "f32",
    vocabSize: 1000,
    contextLength: 100,
    vectorSize: 2,
    weightBytes: 0,
  };
  readonly batches: number[][] = [];
  readonly #pending: (() => void)[] = [];
  failure: Error | null = null;

  embed({ tokenIds, lengths }: EmbeddingBatch): Promise<Float32Array> {
    this.batches.push([...lengths]);
    const vectors = new Float32Array(2 * lengths.length);
    let start = 0;
    for (const [i, length] of lengths.entries()) {
      vectors[2 * i] = tokenIds[start]!;
      vectors[2 * i + 1] = length;
      start += length;
    }
    return new Promise((resolve, reject) => {
      const { failure } = this;
      this.#pending.push(() => (failure === null ? resolve(vectors) : reject(failure)));
    });
  }

  async close(): Promise<void> {
    for (const finish of this.#pending.splice(0)) finish();
  }

  /** Finishes the oldest batch. */
  async step(): Promise<void> {
    this.#pending.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  get isBusy(): boolean {
    return this.#pending.length > 0;
  }
}

function start(options: EmbeddingEngineOptions = {}) {
  const executor = new StepExecutor();
  return { executor, engine: createEmbeddingEngine(executor, { maxBatchTokens: 10, ...options }) };
}

const prompt = (first: number, length: number) => new Uint32Array(length).fill(1).fill(first, 0, 1);
const runAll = async (executor: StepExecutor) => {
  while (executor.isBusy) await executor.step();
};

test("every prompt gets its own vector, in order, and no batch exceeds its tokens", async () => {
  const sizes = fc.array(
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  await fc.assert(
    fc.asyncProperty(sizes, async (requests) => {
      const { executor, engine } = start();
      const answers = Promise.all(
        requests.map((lengths, r) =>
          engine.embed({ prompts: lengths.map((length, i) => prompt(r * 50 + i, length)) }),
        ),
      );
      await runAll(executor);
      const expected = requests.map((lengths, r) =>
        lengths.map((length, i) => [r * 50 + i, length]),
      );
      expect((await answers).map((list) => list.map((v) => [...v]))).toEqual(expected);
      for (const batch of executor.batches) {
        const tokens = batch.reduce((sum, length) => sum + length, 0);
        expect(batch.length === 1 || tokens <= 10).toBe(true);
      }
      expect(engine.metrics()).toMatchObject({
        runningPrompts: 0,
        waitingPrompts: 0,
        waitingTokens: 0,
        finishedRequests: requests.length,
        finishedPrompts: requests.flat().length,
        promptTokens: requests.flat().reduce((sum, length) => sum + length, 0),
      });
    }),
  );
});

test("a short request does not wait for the end of a long list", async () => {
  const { executor, engine } = start();
  const long = engine.embed({ prompts: Array.from({ length: 100 }, () => prompt(1, 5)) });
  let isDone = false;
  const short = engine.embed({ prompts: [prompt(2, 5)] }).then((vectors) => {
    isDone = true;
    return vectors;
  });
  for (let i = 0; i < 4 && !isDone; i++) await executor.step();
  expect(isDone).toBe(true);
  expect([...(await short)[0]!]).toEqual([2, 5]);
  await runAll(executor);
  expect(await long).toHaveLength(100);
});

test("an aborted request leaves the queue at once, and others go on", async () => {
  const { executor, engine } = start();
  const abort = new AbortController();
  const gone = engine.embed(
    { prompts: Array.from({ length: 50 }, () => prompt(1, 10)) },
    { signal: abort.signal },
  );
  const other = engine.embed({ prompts: [prompt(2, 3)] });
  abort.abort();
  await expect(gone).rejects.toMatchObject({ code: "DYN_REQUEST_CANCELLED" });
  expect(engine.metrics()).toMatchObject({
    waitingPrompts: 1,
    waitingTokens: 3,
    abortedRequests: 1,
  });
  await runAll(executor);
  expect([...(await other)[0]!]).toEqual([2, 3]);
  expect(executor.batches.length).toBeLessThanOrEqual(3);
});

test("what cannot be computed is refused with the prompt's place", async () => {
  const { engine } = start();
  const refusal = (prompts: Uint32Array[]) => engine.embed({ prompts });
  await expect(refusal([])).rejects.toMatchObject({ param: "prompts" });
  await expect(refusal([prompt(1, 1), new Uint32Array()])).rejects.toMatchObject({
    param: "prompts[1]",
  });
  await expect(refusal([prompt(1, 101)])).rejects.toThrow("101 tokens");
  await expect(refusal([prompt(1000, 2)])).rejects.toThrow("vocabulary ends at 999");
});

test("a full queue refuses, whatever waits is kept", async () => {
  const { executor, engine } = start({ maxQueuedTokens: 20, maxQueuedRequests: 2 });
  const running = [1, 2].map((i) => engine.embed({ prompts: [prompt(i, 10)] }));
  const waiting = engine.embed({ prompts: [prompt(3, 15)] });
  await expect(engine.embed({ prompts: [prompt(4, 6)] })).rejects.toMatchObject({
    code: "DYN_ENGINE_QUEUE_FULL",
    retryable: true,
  });
  const small = engine.embed({ prompts: [prompt(5, 5)] });
  await expect(engine.embed({ prompts: [prompt(6, 1)] })).rejects.toThrow("queue is full");
  await runAll(executor);
  expect(await Promise.all([...running, waiting, small])).toHaveLength(4);
});

test("a failed batch fails its requests alone", async () => {
  const { executor, engine } = start();
  executor.failure = new Error("broken");
  const first = engine.embed({ prompts: [prompt(1, 10)] });
  executor.failure = null;
  const second = engine.embed({ prompts: [prompt(2, 10)] });
  const expectation = expect(first).rejects.toThrow("broken");
  await runAll(executor);
  await expectation;
  expect(await second).toHaveLength(1);
});

test("draining finishes what waits and takes nothing new; closing ends all", async () => {
  const { executor, engine } = start();
  const open = engine.embed({ prompts: Array.from({ length: 5 }, () => prompt(1, 10)) });
  const drained = engine.drain();
  await expect(engine.embed({ prompts: [prompt(1, 1)] })).rejects.toMatchObject({
    code: "DYN_ENGINE_DRAINING",
  });
  await runAll(executor);
  expect(await open).toHaveLength(5);
  await drained;
  const late = engine.embed({ prompts: [prompt(1, 10)] });
  const refused = expect(late).rejects.toMatchObject({ code: "DYN_ENGINE_CLOSED" });
  await engine.close();
  await refused;
  await expect(engine.embed({ prompts: [prompt(1, 1)] })).rejects.toMatchObject({
    code: "DYN_ENGINE_CLOSED",
  });
});

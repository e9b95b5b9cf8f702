import { MessageChannel, type Worker } from "node:worker_threads";
import {
  connectEngine,
  createMockEngine,
  type Engine,
  type GenerateOutput,
  MockExecutor,
  serveEngine,
  startMockEngine,
} from "@dyn/engine";
import { DynError } from "@dyn/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { EventMirror } from "./oracle/event-mirror.ts";
import { makeRequest } from "./oracle/make-request.ts";

const prompt = Array.from({ length: 40 }, (_, i) => i + 1);
const workers: Worker[] = [];

async function start(options: Parameters<typeof startMockEngine>[0] = {}): Promise<Engine> {
  const { engine, worker } = await startMockEngine(options);
  workers.push(worker);
  return engine;
}

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

async function collect(outputs: AsyncIterable<GenerateOutput>): Promise<GenerateOutput[]> {
  const all: GenerateOutput[] = [];
  for await (const output of outputs) all.push(output);
  return all;
}

/** Polls until it holds; the test's own time limit is the deadline. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function joined(outputs: readonly GenerateOutput[], index: number): number[] {
  return outputs.filter((output) => output.index === index).flatMap((output) => output.tokenIds);
}

describe("an engine on its own thread", () => {
  it("says the same as one on this thread, in everything", async () => {
    const request = makeRequest({
      requestId: "same",
      tokenIds: prompt,
      n: 3,
      sampling: { temperature: 1, seed: 7, maxNewTokens: 12 },
      logprobs: { top: 2 },
      promptLogprobs: { top: 1, start: 3 },
    });
    const far = await collect((await start()).generate(request));
    const near = await collect(createMockEngine().generate(request));
    for (const index of [0, 1, 2]) {
      expect(joined(far, index)).toEqual(joined(near, index));
      const last = (all: GenerateOutput[]) => all.findLast((output) => output.index === index)!;
      expect(last(far)).toMatchObject({
        usage: last(near).usage,
        finish: { type: "length" },
        samplerState: last(near).samplerState,
      });
    }
    const first = (all: GenerateOutput[]) => all.find((output) => output.promptLogprobs !== null)!;
    expect(first(far).promptLogprobs).toEqual(first(near).promptLogprobs);
    expect(first(far).promptLogprobs).toHaveLength(prompt.length - 3);
    expect(far.flatMap((output) => output.logprobs ?? [])).toHaveLength(36);
  });

  it("refuses with the same typed error, and goes on", async () => {
    const engine = await start({ contextLength: 64 });
    const tooLong = makeRequest({ tokenIds: Array.from({ length: 90 }, () => 1) });
    const error = await collect(engine.generate(tooLong)).catch((reason: unknown) => reason);
    expect(DynError.is(error) && error).toMatchObject({
      status: 400,
      code: "DYN_REQUEST_INVALID_ARGUMENT",
      param: "tokenIds",
      message: expect.stringContaining("90 tokens") as string,
    });
    expect(await collect(engine.generate(makeRequest({ tokenIds: [1] })))).toHaveLength(8);
  });

  it("frees everything when the consumer leaves, and when a signal aborts", async () => {
    const engine = await start({ decodeMsPerStep: 2 });
    const endless = () => makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: null } });
    for await (const output of engine.generate(endless())) {
      if (output.usage.completionTokens >= 3) break;
    }
    await until(() => engine.metrics().abortedRequests === 1);
    const controller = new AbortController();
    const outputs: GenerateOutput[] = [];
    for await (const output of engine.generate(endless(), { signal: controller.signal })) {
      outputs.push(output);
      controller.abort();
    }
    expect(outputs.at(-1)!.finish).toMatchObject({ type: "abort" });
    await until(() => engine.metrics().abortedRequests === 2);
    expect(engine.metrics()).toMatchObject({
      pagesUsed: 0,
      runningRequests: 0,
      waitingRequests: 0,
    });
    expect(await engine.flushCache()).toBe(true);
    expect(engine.metrics().pagesFree).toBe(engine.info.pageCount);
  });

  it("joins what a slow consumer has not taken into one output", async () => {
    const engine = await start();
    const request = makeRequest({ tokenIds: prompt, n: 2, sampling: { maxNewTokens: 500 } });
    const stream = engine.generate(request)[Symbol.asyncIterator]();
    const first = await stream.next();
    await until(() => engine.metrics().finishedRequests === 1);
    const rest: GenerateOutput[] = [first.value];
    for (let next = await stream.next(); !next.done; next = await stream.next())
      rest.push(next.value);
    expect(rest.length).toBeLessThanOrEqual(3);
    for (const output of rest.slice(-2)) expect(output.finish).toEqual({ type: "length" });
    const alone = await collect(createMockEngine().generate(request));
    expect(joined(rest, 0)).toEqual(joined(alone, 0));
    expect(joined(rest, 1)).toEqual(joined(alone, 1));
  });

  it("fails every open request, and all later ones, when the thread dies", async () => {
    const engine = await start({ decodeMsPerStep: 2 });
    const endless = () => makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: null } });
    const open = [engine.generate(endless()), engine.generate(endless())].map((outputs) =>
      collect(outputs).catch((reason: unknown) => reason),
    );
    const dying = engine.generate(endless())[Symbol.asyncIterator]();
    await dying.next();
    await workers.at(-1)!.terminate();
    const retryable = { status: 503, retryable: true, code: "DYN_ENGINE_THREAD_DIED" };
    for (const error of await Promise.all(open)) expect(error).toMatchObject(retryable);
    const later = await collect(engine.generate(endless())).catch((reason: unknown) => reason);
    expect(later).toMatchObject(retryable);
    await expect(engine.flushCache()).rejects.toMatchObject(retryable);
    await engine.drain();
    await engine.close();
  });

  it("rejects the connection when the thread dies before it is ready", async () => {
    await expect(startMockEngine({ pageSize: -1 })).rejects.toMatchObject({ retryable: true });
  });

  it("sends KV events that begin with all that is cached", async () => {
    const engine = await start();
    await collect(engine.generate(makeRequest({ tokenIds: prompt })));
    const mirror = new EventMirror();
    const unsubscribe = engine.onKvEvents((batch) => mirror.apply(batch));
    await until(() => mirror.hasBegun);
    expect(mirror.counts.size).toBe(2);
    await collect(engine.generate(makeRequest({ tokenIds: [9, ...prompt] })));
    await until(() => mirror.counts.size === 5);
    unsubscribe();
    await collect(engine.generate(makeRequest({ tokenIds: [8, ...prompt] })));
    expect(mirror.counts.size).toBe(5);
  });

  it("drains: finishes what is open, refuses what is new", async () => {
    const engine = await start({ decodeMsPerStep: 1 });
    const open = collect(engine.generate(makeRequest({ tokenIds: prompt })));
    const drained = engine.drain();
    await expect(collect(engine.generate(makeRequest({ tokenIds: [1] })))).rejects.toMatchObject({
      code: "DYN_ENGINE_DRAINING",
    });
    await drained;
    expect((await open).at(-1)!.finish).toEqual({ type: "length" });
    expect(await collect(engine.generate(makeRequest({ tokenIds: [1] })))).not.toHaveLength(0);
  });

  it("shows a request as waiting until the thread says something of it, and a long prompt's steps before its first token", async () => {
    const { port1, port2 } = new MessageChannel();
    const gates: (() => void)[] = [];
    class GatedExecutor extends MockExecutor {
      override async step(...args: Parameters<MockExecutor["step"]>) {
        await new Promise<void>((open) => gates.push(open));
        return super.step(...args);
      }
    }
    const served = serveEngine(new GatedExecutor(), port2, { chunkedPrefillSize: 16 });
    const engine = await connectEngine(port1);
    expect(engine.metrics().waitingRequests).toBe(0);
    const outputs = collect(engine.generate(makeRequest({ tokenIds: prompt })));
    await until(() => gates.length === 1);
    // The first step stands still, and so would a thread that hangs in it.
    expect(engine.metrics()).toMatchObject({ waitingRequests: 1, prefillSteps: 0 });
    gates[0]!();
    await until(() => gates.length === 2 && engine.metrics().prefillSteps === 1);
    expect(engine.metrics()).toMatchObject({ runningRequests: 1, waitingRequests: 0 });
    const opening = setInterval(() => gates.at(-1)!(), 1);
    expect((await outputs).at(-1)!.finish).not.toBeNull();
    clearInterval(opening);
    await until(() => engine.metrics().runningRequests === 0);
    expect(engine.metrics().waitingRequests).toBe(0);
    await Promise.all([engine.close(), served]);
    port1.close();
  });

  it("closes: running requests end as aborted, later ones are refused", async () => {
    const { port1, port2 } = new MessageChannel();
    const served = serveEngine(new MockExecutor({ decodeMsPerStep: 1 }), port2);
    const engine = await connectEngine(port1);
    const stream = engine.generate(
      makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: 999 } }),
    );
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await Promise.all([engine.close(), served]);
    let last: GenerateOutput | undefined;
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      last = next.value;
    expect(last!.finish).toMatchObject({ type: "abort" });
    await expect(collect(engine.generate(makeRequest({ tokenIds: [1] })))).rejects.toMatchObject({
      code: "DYN_ENGINE_CLOSED",
    });
    port1.close();
  });
});

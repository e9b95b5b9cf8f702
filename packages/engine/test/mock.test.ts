import { createMockEngine, type GenerateOutput, MockExecutor } from "@dyn/engine";
import { describe, expect, it } from "vitest";
import { EngineCore } from "../src/core/engine-core.ts";
import { Pacer } from "../src/mock/pacer.ts";
import { Listener, runToEnd } from "./oracle/drive.ts";
import { makeRequest } from "./oracle/make-request.ts";

/** Time that passes only by sleeping, and a timer that oversleeps. */
function virtualClock(oversleepMs = 0) {
  let nowMs = 1000;
  return {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms + oversleepMs;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const prompt = Array.from({ length: 50 }, (_, i) => i + 10);

describe("the pacer", () => {
  it.each([0, 0.4, 1.2])(
    "spends the sum of all durations with timers late by %f ms",
    async (late) => {
      const clock = virtualClock(late);
      const pacer = new Pacer(clock.now, clock.sleep);
      for (let i = 0; i < 1000; i++) await pacer.spend(1.7);
      expect(Math.abs(clock.now() - 1000 - 1700)).toBeLessThan(3);
    },
  );

  it("sleeps rarely for durations below a timer's tick, and not at all for none", async () => {
    const clock = virtualClock();
    let sleeps = 0;
    const pacer = new Pacer(clock.now, (ms) => {
      sleeps++;
      return clock.sleep(ms);
    });
    await pacer.spend(0);
    expect(sleeps).toBe(0);
    for (let i = 0; i < 1000; i++) await pacer.spend(0.1);
    expect(sleeps).toBeLessThanOrEqual(100);
    expect(Math.abs(clock.now() - 1000 - 100)).toBeLessThan(2);
  });

  it("takes no credit from idleness", async () => {
    const clock = virtualClock();
    const pacer = new Pacer(clock.now, clock.sleep);
    await pacer.spend(10);
    clock.pass(500);
    await pacer.spend(10);
    expect(clock.now()).toBe(1520);
  });
});

describe("the mock", () => {
  it("takes the time it is told for prefill and decode, divided by the speed", async () => {
    const clock = virtualClock();
    const executor = new MockExecutor({
      prefillUsPerToken: 1000,
      decodeMsPerStep: 20,
      decodeUsPerSequence: 2000,
      speed: 2,
      now: clock.now,
      sleep: clock.sleep,
    });
    const core = new EngineCore(executor, { now: clock.now });
    core.submit(makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: 11 } }));
    await core.step();
    expect(clock.now() - 1000).toBe(25);
    await runToEnd(core);
    expect(clock.now() - 1025).toBe(10 * 11);
  });

  it("reports the decode throughput of its clock", async () => {
    const clock = virtualClock();
    const executor = new MockExecutor({ decodeMsPerStep: 10, now: clock.now, sleep: clock.sleep });
    const core = new EngineCore(executor, { now: clock.now });
    for (let i = 0; i < 3; i++) {
      core.submit(makeRequest({ tokenIds: [...prompt, i], sampling: { maxNewTokens: 100 } }));
    }
    while (core.metrics().decodeSteps < 90) await core.step();
    expect(core.metrics().generationThroughput).toBeCloseTo(300, 6);
    await runToEnd(core);
    expect(core.metrics().generationThroughput).toBe(0);
  });

  it("gives the same tokens as logits, as device tokens, and with another page size", async () => {
    const answers: string[] = [];
    for (const options of [
      { output: "tokens", pageSize: 16 },
      { output: "logits", pageSize: 16 },
      { output: "tokens", pageSize: 1 },
    ] as const) {
      const core = new EngineCore(new MockExecutor({ vocabSize: 500, ...options }));
      const heard = new Listener(core);
      const request = makeRequest({ tokenIds: prompt, sampling: { temperature: 1, seed: 5 } });
      core.submit(request);
      await runToEnd(core);
      answers.push(heard.tokens(request).join());
    }
    expect(new Set(answers).size).toBe(1);
  });

  it("has no weights between release and resume", async () => {
    const executor = new MockExecutor();
    const core = new EngineCore(executor);
    const heard = new Listener(core);
    const ask = async () => {
      const request = makeRequest({ tokenIds: prompt });
      core.submit(request);
      await runToEnd(core);
      return heard.last(request).finish;
    };
    await executor.releaseWeights();
    await executor.releaseWeights();
    expect(await ask()).toMatchObject({ type: "error", error: { status: 503, retryable: true } });
    await executor.resumeWeights();
    expect(await ask()).toEqual({ type: "length" });
  });
});

describe("a local engine", () => {
  const endless = () => makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: null } });

  it("lets aborts in between steps, also when steps take no time", async () => {
    const engine = createMockEngine();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    let last: GenerateOutput | undefined;
    for await (const output of engine.generate(endless(), { signal: controller.signal })) {
      last = output;
    }
    expect(last!.finish).toMatchObject({ type: "abort" });
    await engine.drain();
    expect(engine.metrics()).toMatchObject({ pagesUsed: 0, abortedRequests: 1 });
    await engine.close();
  });

  it("ends a request whose signal was aborted before it began", async () => {
    const engine = createMockEngine();
    const outputs: GenerateOutput[] = [];
    for await (const output of engine.generate(endless(), { signal: AbortSignal.abort() })) {
      outputs.push(output);
    }
    expect(outputs).toMatchObject([{ tokenIds: [], finish: { type: "abort" } }]);
    expect(engine.metrics()).toMatchObject({ runningRequests: 0, waitingRequests: 0 });
  });

  it("costs nothing when nobody iterates", async () => {
    const engine = createMockEngine();
    engine.generate(endless());
    await engine.drain();
    expect(engine.metrics().promptTokens).toBe(0);
  });

  it("frees everything when iteration is left by throw, at once when it waits", async () => {
    const engine = createMockEngine({ maxRunningRequests: 1 });
    const running = engine.generate(endless())[Symbol.asyncIterator]();
    await running.next();
    const waiting = engine.generate(endless())[Symbol.asyncIterator]();
    const pending = waiting.next();
    await expect(waiting.throw!(new Error("mine"))).rejects.toThrow("mine");
    expect(await pending).toMatchObject({ done: true });
    expect(engine.metrics().waitingRequests).toBe(0);
    await running.return!();
    await engine.drain();
    expect(engine.metrics()).toMatchObject({ pagesUsed: 0, abortedRequests: 2 });
  });

  it("refuses a second request under an open id without harming the first", async () => {
    const engine = createMockEngine();
    const request = makeRequest({ tokenIds: prompt });
    const first = engine.generate(request)[Symbol.asyncIterator]();
    const second = engine.generate(request)[Symbol.asyncIterator]();
    await expect(second.next()).rejects.toThrow(/in use/);
    let tokens = 0;
    for (let next = await first.next(); !next.done; next = await first.next()) {
      tokens += next.value.tokenIds.length;
    }
    expect(tokens).toBe(8);
  });

  it("can stop waiting for a drain", async () => {
    const engine = createMockEngine({ decodeMsPerStep: 1 });
    const open = engine.generate(endless())[Symbol.asyncIterator]();
    await open.next();
    await expect(engine.drain({ signal: AbortSignal.timeout(5) })).rejects.toMatchObject({
      status: 499,
    });
    await engine.close();
    await expect(open.next()).resolves.toBeDefined();
  });
});

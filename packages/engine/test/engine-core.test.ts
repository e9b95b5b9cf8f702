import type { GenerateRequest, ResumedChoice } from "@dyn/engine";
import { describe, expect, it } from "vitest";
import { audit } from "./oracle/audit.ts";
import { createCore } from "./oracle/create-core.ts";
import { runToEnd } from "./oracle/drive.ts";
import { EventMirror } from "./oracle/event-mirror.ts";
import { makeRequest } from "./oracle/make-request.ts";

const prompt = Array.from({ length: 40 }, (_, i) => i + 10);

describe("a random seed", () => {
  it("makes the answers of requests without one repeatable, and different from each other", async () => {
    const answersOf = async (randomSeed: number) => {
      const { core, heard } = createCore({ randomSeed });
      const requests = [1, 2].map(() =>
        makeRequest({ tokenIds: prompt, sampling: { temperature: 1, seed: null } }),
      );
      for (const request of requests) core.submit(request);
      await runToEnd(core);
      return requests.map((request) => heard.tokens(request).join());
    };
    const first = await answersOf(1);
    expect(await answersOf(1)).toEqual(first);
    expect(await answersOf(2)).not.toEqual(first);
    expect(first[0]).not.toBe(first[1]);
  });
});

describe("sharing", () => {
  it("of a prompt between choices: it is computed once", async () => {
    const { core, heard } = createCore();
    const request = makeRequest({ tokenIds: prompt, n: 4, sampling: { temperature: 1, seed: 3 } });
    core.submit(request);
    await core.step();
    expect(core.metrics()).toMatchObject({ runningRequests: 1, waitingRequests: 3 });
    await core.step();
    expect(core.metrics()).toMatchObject({ runningRequests: 4, pagesUsed: 2 + 4 });
    await runToEnd(core);
    const answers = [0, 1, 2, 3].map((index) => heard.tokens(request, index).join());
    expect(new Set(answers).size).toBe(4);
    expect(core.metrics()).toMatchObject({
      promptTokens: 40,
      cachedTokens: 0,
      finishedRequests: 1,
    });
  });

  it("of a prefix between live requests", async () => {
    const { core, heard } = createCore();
    core.submit(makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: 50 } }));
    await core.step();
    await core.step();
    const second = makeRequest({ tokenIds: [...prompt.slice(0, 33), 1, 2, 3] });
    const tenant = makeRequest({ tokenIds: prompt, cacheSalt: "other" });
    core.submit(second);
    core.submit(tenant);
    await core.step();
    expect(heard.last(second).usage).toEqual({
      promptTokens: 36,
      completionTokens: 1,
      cachedTokens: 32,
    });
    expect(heard.last(tenant).usage.cachedTokens).toBe(0);
    await runToEnd(core);
  });

  it("of nothing between requests without a radix cache, of the prompt between choices still", async () => {
    const { core, heard } = createCore({ disableRadixCache: true });
    const asked = { tokenIds: prompt, n: 2, sampling: { temperature: 1, seed: 3 } };
    const [first, second] = [makeRequest(asked), makeRequest(asked)];
    for (const request of [first, second]) {
      core.submit(request);
      await runToEnd(core);
    }
    expect(heard.last(second).usage.cachedTokens).toBe(0);
    expect(heard.tokens(second)).toEqual(heard.tokens(first));
    expect(core.metrics()).toMatchObject({ promptTokens: 80, cachedTokens: 0, pagesUsed: 0 });
  });

  it("does not change an answer when log-probabilities of the prompt force it to be computed again", async () => {
    const { core, heard } = createCore({ chunkedPrefillSize: 16 });
    const asked = { tokenIds: prompt, promptLogprobs: { top: 2, start: 4 } };
    const [cold, warm] = [makeRequest(asked), makeRequest(asked)];
    for (const request of [cold, warm]) {
      core.submit(request);
      await runToEnd(core);
    }
    expect(heard.of(warm)[0]!.promptLogprobs).toEqual(heard.of(cold)[0]!.promptLogprobs);
    expect(heard.of(cold)[0]!.promptLogprobs).toHaveLength(36);
    expect(heard.tokens(warm)).toEqual(heard.tokens(cold));
    expect(heard.last(warm).usage.cachedTokens).toBe(0);
  });
});

describe("scheduling", () => {
  it("cuts long prompts and decodes between pieces at most so many prefills apart", async () => {
    const kinds: string[] = [];
    const { core, executor } = createCore({ chunkedPrefillSize: 16, maxConsecutivePrefills: 2 });
    const step = executor.step.bind(executor);
    executor.step = (batch) => {
      kinds.push(`${batch.kind} ${batch.tokenIds.length}`);
      return step(batch);
    };
    core.submit(makeRequest({ tokenIds: [1, 2], sampling: { maxNewTokens: 4 } }));
    await core.step();
    core.submit(makeRequest({ tokenIds: Array(70).fill(3), sampling: { maxNewTokens: 1 } }));
    await runToEnd(core);
    expect(kinds).toEqual([
      "prefill 2",
      "prefill 16",
      "decode 1",
      "prefill 16",
      "prefill 16",
      "decode 1",
      "prefill 16",
      "prefill 6",
      "decode 1",
    ]);
  });

  it("retracts when pages run out and still gives every answer as if alone", async () => {
    const options = { pageSize: 4, pageCount: 24, scheduleConservativeness: 0.01 };
    const { core, heard } = createCore(options);
    const requests = [1, 2, 3, 4].map((salt) =>
      makeRequest({
        tokenIds: prompt.slice(0, 12).map((id) => id + salt),
        sampling: { temperature: 1, seed: salt, maxNewTokens: 40 },
      }),
    );
    for (const request of requests) core.submit(request);
    expect(core.scheduler.newTokenRatio).toBeLessThan(0.01);
    while (core.metrics().retractions === 0) await core.step();
    expect(core.scheduler.newTokenRatio).toBeGreaterThan(0.1);
    await runToEnd(core);
    for (const request of requests) {
      const alone = createCore(options);
      alone.core.submit(request);
      await runToEnd(alone.core);
      expect(heard.tokens(request)).toEqual(alone.heard.tokens(request));
    }
  });

  it("retracts a half-computed prompt rather than fail the only running request", async () => {
    const options = {
      pageSize: 1,
      pageCount: 56,
      chunkedPrefillSize: 1,
      maxConsecutivePrefills: 1,
      scheduleConservativeness: 0.01,
    };
    const { core, heard } = createCore(options);
    const growing = makeRequest({ tokenIds: [1, 2, 3, 4, 5], sampling: { maxNewTokens: 50 } });
    const long = makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: 3 } });
    core.submit(growing);
    while (heard.of(growing).length === 0) await core.step();
    core.submit(long);
    await runToEnd(core);
    expect(core.metrics().retractions).toBeGreaterThan(0);
    expect(heard.last(growing)).toMatchObject({
      finish: { type: "length" },
      usage: { completionTokens: 50 },
    });
    expect(heard.last(long)).toMatchObject({ finish: { type: "length" } });
  });

  it("preempts running requests of much lower priority, which complete later", async () => {
    const { core, heard } = createCore({ policy: "priority", maxRunningRequests: 1 });
    const low = makeRequest({ tokenIds: prompt, priority: 0 });
    const close = makeRequest({ tokenIds: prompt, priority: 10 });
    const high = makeRequest({ tokenIds: prompt, priority: 11 });
    core.submit(low);
    await core.step();
    core.submit(close);
    await core.step();
    expect(heard.of(close)).toHaveLength(0);
    core.submit(high);
    await core.step();
    expect(heard.of(high)).toHaveLength(1);
    await runToEnd(core);
    expect(core.metrics().retractions).toBe(1);
    const order = heard.outputs.filter((output) => output.finish !== null);
    expect(order.map((output) => output.requestId)).toEqual(
      [high, close, low].map((request) => request.requestId),
    );
    expect(heard.tokens(low)).toHaveLength(8);
  });
});

describe("a request that moves", () => {
  it.each([1, 5, 11])("after %i tokens goes on elsewhere as if it had not", async (moveAfter) => {
    const options = { output: "logits" as const };
    const whole = makeRequest({
      tokenIds: prompt,
      n: 2,
      logprobs: { top: 1 },
      sampling: { temperature: 0.8, seed: 11, maxNewTokens: 12, repetitionPenalty: 1.3 },
    });
    const { core, heard } = createCore(options);
    core.submit(whole);
    await runToEnd(core);
    const resume = [0, 1].map((index): ResumedChoice => {
      const before = heard.of(whole, index).slice(0, moveAfter);
      return {
        tokenIds: Uint32Array.from(before.flatMap((output) => output.tokenIds)),
        samplerState: before.at(-1)!.samplerState,
      };
    });
    const elsewhere = createCore(options);
    const moved = { ...whole, resume };
    elsewhere.core.submit(moved);
    await runToEnd(elsewhere.core);
    for (const index of [0, 1]) {
      const rest = heard.of(whole, index).slice(moveAfter);
      expect(elsewhere.heard.tokens(moved, index)).toEqual(rest.flatMap((o) => o.tokenIds));
      const { usage, samplerState, finish } = heard.last(whole, index);
      expect(elsewhere.heard.last(moved, index)).toMatchObject({ usage, samplerState, finish });
    }
  });

  it("ends at once where it had ended already", async () => {
    const { core, heard } = createCore();
    const samplerState = { seed: 1, step: 2 };
    const moved = makeRequest({
      tokenIds: prompt,
      n: 2,
      eosTokenIds: [7],
      resume: [
        { tokenIds: Uint32Array.of(5, 7), samplerState },
        { tokenIds: Uint32Array.of(5, 6), samplerState },
      ],
    });
    core.submit(moved);
    expect(heard.of(moved, 0)).toMatchObject([
      { tokenIds: [], finish: { type: "stop", matched: null }, usage: { completionTokens: 2 } },
    ]);
    await runToEnd(core);
    expect(heard.last(moved, 1)).toMatchObject({ usage: { completionTokens: 8 } });
  });
});

describe("when the executor fails", () => {
  it("the sequences of that step end with the error, the others go on, nothing leaks", async () => {
    const { core, executor, heard } = createCore({ maxRunningRequests: 2 });
    const mirror = new EventMirror();
    core.onKvEvents((batch) => mirror.apply(batch));
    const requests = [1, 2, 3].map(() => makeRequest({ tokenIds: prompt }));
    for (const request of requests) core.submit(request);
    await core.step();
    executor.failsNext = true;
    await core.step();
    audit(core, mirror);
    for (const request of requests.slice(0, 2)) {
      expect(heard.last(request).finish).toMatchObject({
        type: "error",
        error: { message: "The device went away.", status: 500 },
      });
    }
    await runToEnd(core);
    expect(heard.last(requests[2]!).finish).toEqual({ type: "length" });
    expect(core.metrics().pagesUsed).toBe(0);
  });

  it("by samples nobody can use, a choice ends with the error that says so", async () => {
    const { core, executor, heard } = createCore();
    const [plain, judged] = [null, { top: 1 }].map((logprobs) =>
      makeRequest({ tokenIds: prompt, logprobs }),
    ) as [GenerateRequest, GenerateRequest];
    executor.answer = ({ logitPositions }) => ({
      kind: "tokens",
      tokenIds: new Int32Array(logitPositions.length).fill(5000),
    });
    core.submit(plain);
    core.submit(judged);
    await runToEnd(core);
    const error = (message: RegExp) => ({
      type: "error",
      error: { status: 500, message: expect.stringMatching(message) },
    });
    expect(heard.last(plain).finish).toMatchObject(error(/5000.*1000/));
    expect(heard.last(judged).finish).toMatchObject(error(/log-probabilities/));
    expect(core.metrics()).toMatchObject({ pagesUsed: 0, runningRequests: 0 });
  });
});

import {
  type GenerateRequest,
  MockExecutor,
  type MockExecutorOptions,
  type ResumedChoice,
} from "@dyn/engine";
import { describe, expect, it } from "vitest";
import { EngineCore } from "../src/core/engine-core.ts";
import type { EngineOptions } from "../src/core/engine-options.ts";
import { audit } from "./oracle/audit.ts";
import { CheckedExecutor } from "./oracle/checked-executor.ts";
import { Listener, runToEnd } from "./oracle/drive.ts";
import { EventMirror } from "./oracle/event-mirror.ts";
import { makeRequest } from "./oracle/make-request.ts";

const prompt = Array.from({ length: 40 }, (_, i) => i + 10);

function createCore(options: MockExecutorOptions & EngineOptions = {}) {
  const executor = new CheckedExecutor(new MockExecutor({ vocabSize: 1000, ...options }));
  const core = new EngineCore(executor, options);
  executor.core = core;
  return { core, executor, heard: new Listener(core) };
}

/** The answer is this text, letter by letter; ids are character codes. */
function spelling(text: string) {
  return {
    nextToken: (_: number, position: number) => text.charCodeAt((position - 1) % text.length),
    createDecoder: () => ({
      push: (ids: ArrayLike<number>) => String.fromCharCode(...Array.from(ids)),
      flush: () => "",
    }),
  };
}

async function answer(request: GenerateRequest, options: MockExecutorOptions & EngineOptions = {}) {
  const { core, heard } = createCore(options);
  core.submit(request);
  await runToEnd(core);
  return heard.last(request);
}

describe("how a choice ends", () => {
  const letters = spelling("abcdefghijklmnopqrstuvwxyz");
  const ask = (sampling: NonNullable<Parameters<typeof makeRequest>[0]["sampling"]>, eos = "") =>
    answer(
      makeRequest({
        tokenIds: [97],
        eosTokenIds: eos === "" ? [] : [eos.charCodeAt(0)],
        sampling: { maxNewTokens: 20, ...sampling },
      }),
      letters,
    );

  it("by the end-of-sequence id, which is the last token", async () => {
    expect(await ask({}, "d")).toMatchObject({
      finish: { type: "stop", matched: null },
      tokenIds: [100],
      usage: { promptTokens: 1, completionTokens: 4 },
    });
  });

  it("by a stop id, which it names", async () => {
    expect(await ask({ stopTokenIds: [102] }, "h")).toMatchObject({
      finish: { type: "stop", matched: 102 },
    });
  });

  it("by length, also when the budget ends first", async () => {
    expect(await ask({ maxNewTokens: 3 }, "h")).toMatchObject({ finish: { type: "length" } });
  });

  it("by content rather than by length when both come with one token", async () => {
    expect(await ask({ maxNewTokens: 4 }, "d")).toMatchObject({ finish: { type: "stop" } });
  });

  it("not by end-of-sequence or stop ids when they are ignored", async () => {
    const last = await ask({ ignoreEos: true, stopTokenIds: [99] }, "d");
    expect(last).toMatchObject({ finish: { type: "length" }, usage: { completionTokens: 20 } });
  });

  it("not before the least number of tokens", async () => {
    const last = await ask({ minNewTokens: 6, stopTokenIds: [99, 105] });
    expect(last).toMatchObject({
      finish: { type: "stop", matched: 105 },
      usage: { completionTokens: 9 },
    });
  });

  it("by a stop string that spans tokens, the one that begins first", async () => {
    expect(await ask({ stop: ["f", "def", "zzz"] })).toMatchObject({
      finish: { type: "stop", matched: "def" },
      usage: { completionTokens: 6 },
    });
  });

  it("by a stop pattern, with u flag", async () => {
    expect(await ask({ stopRegex: ["[e-g]{2}"] })).toMatchObject({
      finish: { type: "stop", matched: "[e-g]{2}" },
      usage: { completionTokens: 6 },
    });
  });

  it("with an error when a stop pattern backtracks without end, and others go on", async () => {
    const { core, heard } = createCore(spelling("a"));
    const evil = makeRequest({
      tokenIds: [97],
      sampling: { maxNewTokens: 200, stopRegex: ["(a+)+b"] },
    });
    const good = makeRequest({ tokenIds: [97, 97], sampling: { maxNewTokens: 50 } });
    core.submit(evil);
    core.submit(good);
    await runToEnd(core);
    expect(heard.last(evil).finish).toMatchObject({ type: "error", error: { status: 400 } });
    expect(heard.last(good).finish).toEqual({ type: "length" });
  });

  it("at once with maxNewTokens 0: the prompt is computed and nothing said", async () => {
    const { core, heard } = createCore();
    const request = makeRequest({
      tokenIds: prompt,
      n: 2,
      sampling: { maxNewTokens: 0 },
      promptLogprobs: { top: 0, start: 0 },
    });
    core.submit(request);
    await runToEnd(core);
    for (const index of [0, 1]) {
      expect(heard.of(request, index)).toMatchObject([
        { tokenIds: [], finish: { type: "length" }, usage: { completionTokens: 0 } },
      ]);
      expect(heard.last(request, index).promptLogprobs).toHaveLength(prompt.length);
    }
    expect(core.metrics().pagesCached).toBe(2);
  });

  it("by length when prompt and answer fill the context, or the pool", async () => {
    const request = makeRequest({ tokenIds: prompt, sampling: { maxNewTokens: null } });
    expect(await answer(request, { contextLength: 64 })).toMatchObject({
      finish: { type: "length" },
      usage: { completionTokens: 24 },
    });
    const small = { pageSize: 16, pageCount: 100, maxTotalTokens: 70 };
    expect(await answer(request, small)).toMatchObject({
      finish: { type: "length" },
      usage: { completionTokens: 64 + 1 - 40 },
    });
  });
});

describe("what is refused", () => {
  const { core } = createCore({ contextLength: 100, pageSize: 16, pageCount: 5 });
  const refusal = (options: Parameters<typeof makeRequest>[0]) => {
    try {
      core.submit(makeRequest(options));
    } catch (error) {
      return error;
    }
    throw new Error("It was taken.");
  };

  it.each([
    ["an empty prompt", { tokenIds: [] }, "tokenIds", /empty/],
    [
      "an id beyond the vocabulary",
      { tokenIds: [1, 1000] },
      "tokenIds",
      /tokenIds\[1\] is 1000.*999/,
    ],
    ["no choices", { tokenIds: [1], n: 0 }, "n", /n is 0.*1 to 128/],
    [
      "a prompt beyond the context",
      { tokenIds: new Uint32Array(120) },
      "tokenIds",
      /120 tokens.*100.*99/,
    ],
    [
      "an answer beyond the context",
      { tokenIds: prompt, sampling: { maxNewTokens: 61 } },
      "sampling.maxNewTokens",
      /40 tokens.*61.*101.*100.*60 new tokens/,
    ],
    [
      "a prompt beyond the page pool",
      { tokenIds: new Uint32Array(81), sampling: { maxNewTokens: 1 } },
      "tokenIds",
      /81 tokens.*80.*maxTotalTokens/,
    ],
    [
      "stop strings without a decoder",
      { tokenIds: [1], sampling: { stop: ["x"] } },
      "sampling.stop",
      /tokenizer/,
    ],
    [
      "a wrong temperature",
      { tokenIds: [1], sampling: { temperature: -1 } },
      "sampling.temperature",
      /-1/,
    ],
    [
      "a resume of the wrong width",
      {
        tokenIds: [1],
        n: 2,
        resume: [
          { tokenIds: new Uint32Array(0), samplerState: { seed: 1, step: 0, grammar: null } },
        ],
      },
      "resume",
      /1 choices.*n is 2/,
    ],
    [
      "prompt log-probabilities from beyond the prompt",
      { tokenIds: [1], promptLogprobs: { top: 0, start: 2 } },
      "promptLogprobs.start",
      /start is 2/,
    ],
  ])("%s", (_, options, param, message) => {
    const error = refusal(options);
    expect(error).toMatchObject({ status: 400, param, message: expect.stringMatching(message) });
    expect(core.isIdle).toBe(true);
  });

  it("a request id that is in use", () => {
    const request = makeRequest({ tokenIds: [1] });
    core.submit(request);
    expect(() => core.submit(request)).toThrow(/in use/);
    core.abort(request.requestId);
    core.submit(request);
    core.abortAll();
    expect(core.isIdle).toBe(true);
  });

  it("a chunk size that is no multiple of the page", () => {
    expect(() => createCore({ chunkedPrefillSize: 24 })).toThrow(
      /24.*multiple of the page size 16/,
    );
  });

  it("a pool of less than a page", () => {
    expect(() => createCore({ maxTotalTokens: 15 })).toThrow(/maxTotalTokens is 15.*16/);
  });
});

describe("a full queue", () => {
  it("refuses with 503 and takes requests again when it has room", async () => {
    const { core } = createCore({ maxRunningRequests: 1, maxQueuedRequests: 2 });
    core.submit(makeRequest({ tokenIds: prompt }));
    await core.step();
    core.submit(makeRequest({ tokenIds: prompt, n: 3 }));
    core.submit(makeRequest({ tokenIds: prompt }));
    expect(() => core.submit(makeRequest({ tokenIds: prompt }))).toThrow(
      expect.objectContaining({
        status: 503,
        retryable: true,
        message: expect.stringMatching(/queue is full.*2 requests wait/),
      }),
    );
    await runToEnd(core);
    core.submit(makeRequest({ tokenIds: prompt }));
    expect(core.metrics()).toMatchObject({ finishedRequests: 3, waitingRequests: 1 });
  });

  it("under the priority policy gives up its least request for a better one", async () => {
    const { core, heard } = createCore({
      policy: "priority",
      maxRunningRequests: 1,
      maxQueuedRequests: 2,
    });
    core.submit(makeRequest({ tokenIds: prompt, priority: 9 }));
    await core.step();
    const [kept, low, better] = [5, 1, 2].map((priority) =>
      makeRequest({ tokenIds: prompt, priority }),
    ) as [GenerateRequest, GenerateRequest, GenerateRequest];
    core.submit(kept);
    core.submit(low);
    expect(() => core.submit(makeRequest({ tokenIds: prompt, priority: 1 }))).toThrow(/full/);
    core.submit(better);
    expect(heard.last(low).finish).toMatchObject({
      type: "error",
      error: { status: 503, retryable: true },
    });
    await runToEnd(core);
    expect(heard.last(better).finish).toEqual({ type: "length" });
    expect(heard.last(kept).finish).toEqual({ type: "length" });
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
    await runToEnd(core);
    expect(core.metrics().retractions).toBeGreaterThan(0);
    for (const request of requests) {
      const alone = createCore(options);
      alone.core.submit(request);
      await runToEnd(alone.core);
      expect(heard.tokens(request)).toEqual(alone.heard.tokens(request));
    }
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
    const samplerState = { seed: 1, step: 2, grammar: null };
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
});

import type { GenerateRequest } from "@dyn/engine";
import { describe, expect, it } from "vitest";
import { createCore } from "./oracle/create-core.ts";
import { runToEnd } from "./oracle/drive.ts";
import { makeRequest } from "./oracle/make-request.ts";

const prompt = Array.from({ length: 40 }, (_, i) => i + 10);

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
    ["a priority that is no number", { tokenIds: [1], priority: Number.NaN }, "priority", /NaN/],
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
        resume: [{ tokenIds: new Uint32Array(0), samplerState: { seed: 1, step: 0 } }],
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

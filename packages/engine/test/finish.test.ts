import type { GenerateRequest, MockExecutorOptions } from "@dyn/engine";
import { describe, expect, it } from "vitest";
import type { EngineOptions } from "../src/core/engine-options.ts";
import { createCore } from "./oracle/create-core.ts";
import { runToEnd } from "./oracle/drive.ts";
import { makeRequest } from "./oracle/make-request.ts";

const prompt = Array.from({ length: 40 }, (_, i) => i + 10);

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
    expect(await ask({ stopRegex: ["[e-g]{2}|/"] })).toMatchObject({
      finish: { type: "stop", matched: "[e-g]{2}|/" },
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

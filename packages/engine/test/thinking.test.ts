// Reasoning is ended where its budget ends, on whichever worker that is.
import { createMockEngine, type GenerateRequest, type ThinkingBudget } from "@dyn/engine";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { TokenPattern } from "../src/sampler/token-pattern.ts";
import { makeRequest } from "./oracle/make-request.ts";

const engine = createMockEngine({ vocabSize: 64, contextLength: 512 });
afterAll(() => engine.close());

async function produce(request: GenerateRequest): Promise<number[][]> {
  const choices = Array.from({ length: request.n }, () => [] as number[]);
  for await (const { index, tokenIds, finish } of engine.generate(request)) {
    choices[index]!.push(...tokenIds);
    if (finish?.type === "error") throw new Error(finish.error.message);
  }
  return choices;
}

const budget: ThinkingBudget = {
  maxTokens: 5,
  openIds: [1],
  closeIds: [60, 61, 60, 62],
  enderIds: [],
  isOpen: true,
};
const request = (requestId: string, thinking: Partial<ThinkingBudget> = {}) => {
  const made = makeRequest({ requestId, tokenIds: Uint32Array.of(3, 4, 5), n: 2 });
  const sampling = { ...made.sampling, temperature: 1, seed: 11, maxNewTokens: 24 };
  return { ...made, sampling, eosTokenIds: [], thinking: { ...budget, ...thinking } };
};

test("behind the budget the end marker is all that comes, then the choice goes on freely", async () => {
  for (const [i, choice] of (await produce(request("bound"))).entries()) {
    expect(choice, `choice ${i}`).toHaveLength(24);
    expect(choice.slice(5, 9)).toEqual(budget.closeIds);
  }
});

test("outside reasoning nothing is counted, and what else ends it ends the count", async () => {
  const [closed] = await produce(request("closed", { isOpen: false, openIds: [] }));
  expect(closed!.join()).not.toContain("60,61,60,62");
  const [first] = await produce(request("free", { maxTokens: 1000 }));
  const ended = await produce(request("ended", { enderIds: [[first![2]!]] }));
  expect(ended[0]).toEqual(first);
});

test("a choice that goes on elsewhere has what is left of its budget", async () => {
  const whole = await produce(request("whole"));
  for (let cut = 1; cut < 24; cut++) {
    const before = whole.map((choice) => choice.slice(0, cut));
    const stopped = { ...request(`cut-${cut}`) };
    stopped.sampling = { ...stopped.sampling, maxNewTokens: cut };
    const states = new Map<number, { seed: number; step: number }>();
    for await (const { index, samplerState } of engine.generate(stopped)) {
      states.set(index, samplerState);
    }
    const rest = await produce({
      ...request(`rest-${cut}`),
      resume: before.map((ids, index) => ({
        tokenIds: Uint32Array.from(ids),
        samplerState: states.get(index)!,
      })),
    });
    expect(
      rest.map((ids, i) => [...before[i]!, ...ids]),
      `cut at ${cut}`,
    ).toEqual(whole);
  }
});

test("a marker is found wherever it ends, as by looking at all the last ids", () => {
  const id = fc.nat(2);
  const row = fc.array(id, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(row, fc.array(id, { maxLength: 40 }), (ids, stream) => {
      const pattern = new TokenPattern(ids);
      let since = 0;
      for (const [i, next] of stream.entries()) {
        // A marker that was found is not part of another one.
        const seen = stream.slice(since, i + 1);
        const isEnd = seen.slice(-ids.length).join() === ids.join();
        expect(pattern.accept(next)).toBe(isEnd);
        if (isEnd) since = i + 1;
      }
    }),
  );
});

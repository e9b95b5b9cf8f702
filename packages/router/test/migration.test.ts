import { createMockEngine } from "@dyn/engine";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { InternalError, InvalidArgumentError } from "@dyn/protocol";
import { createMigratingClient, type Migration } from "@dyn/router";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type BrokenDeployment,
  joinAnswer,
  refused,
  startBrokenDeployment,
} from "./broken-deployment.ts";

const engine = createMockEngine({ vocabSize: 50, contextLength: 128, pageCount: 64, pageSize: 4 });
let ours: BrokenDeployment;
/** Tokens and ends in items of their own, in wrong-sized pieces: as other makes of workers send them. */
let split: BrokenDeployment;
let foreign: BrokenDeployment;
const takeApart = (item: EngineOutputItem): EngineOutputItem[] => {
  const { finish_reason, stop_reason, completion_usage, ...tokens } = item;
  if (finish_reason == null) return [item];
  const end = { token_ids: [], index: item.index, finish_reason, stop_reason, completion_usage };
  return [tokens as EngineOutputItem, end];
};
beforeAll(async () => {
  ours = await startBrokenDeployment(engine);
  split = await startBrokenDeployment(engine, { reshape: takeApart });
  foreign = await startBrokenDeployment(engine, { isForeign: true });
});
afterEach(() => {
  for (const deployment of [ours, split, foreign]) deployment.reset();
});
afterAll(async () => {
  for (const deployment of [ours, split, foreign]) await deployment.close();
  await engine.close();
});

const request = (more: Partial<PreprocessedRequest> = {}): PreprocessedRequest => ({
  model: "m",
  token_ids: [1, 2, 3],
  stop_conditions: { max_tokens: 12, ignore_eos: true },
  sampling_options: { temperature: 0 },
  output_options: {},
  eos_token_ids: [],
  annotations: [],
  ...more,
});

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error("It did not fail.");
    },
    (error) => error,
  );
}

describe("an answer that moved", () => {
  const requests = fc.record({
    token_ids: fc.array(fc.integer({ min: 0, max: 49 }), { minLength: 1, maxLength: 20 }),
    n: fc.integer({ min: 1, max: 4 }),
    seed: fc.oneof(fc.integer({ min: 0 }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    temperature: fc.constantFrom(0, 1),
    maxTokens: fc.option(fc.integer({ min: 1, max: 20 })),
    minTokens: fc.integer({ min: 0, max: 1 }),
    eos: fc.array(fc.integer({ min: 0, max: 49 }), { maxLength: 3 }),
    stopIds: fc.array(fc.integer({ min: 0, max: 49 }), { maxLength: 3 }),
    logprobs: fc.option(fc.integer({ min: 0, max: 2 })),
    echo: fc.boolean(),
    penalty: fc.constantFrom(0, 0.5),
  });

  test("is token by token the one that did not, for n from 1 to 4, seeds, stops and log-probabilities", async () => {
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (drawn, cuts, isSplit) => {
          const deployment = isSplit ? split : ours;
          deployment.reset();
          const asked = request({
            token_ids: drawn.token_ids,
            stop_conditions: {
              max_tokens: drawn.maxTokens,
              min_tokens: drawn.minTokens,
              stop_token_ids: drawn.stopIds,
            },
            sampling_options: {
              n: drawn.n,
              seed: drawn.seed,
              temperature: drawn.temperature,
              frequency_penalty: drawn.penalty,
            },
            output_options: {
              logprobs: drawn.logprobs,
              // The mock's logits depend on the seed, so those of a prompt are only sure without one.
              prompt_logprobs:
                drawn.echo && drawn.temperature === 0 && drawn.logprobs !== null ? 1 : null,
            },
            eos_token_ids: drawn.eos,
          });
          const whole = await joinAnswer(deployment.client.generate(asked));
          deployment.cuts = [...cuts];
          const moved = await joinAnswer(
            createMigratingClient(deployment.client, { limit: cuts.length }).generate(asked),
          );
          expect(moved).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("without a seed of the client is still one draw: its choices go on as they began", async () => {
    const sampling_options = { temperature: 1, n: 3 };
    const asked = request({ sampling_options });
    ours.cuts = [7, 9];
    const client = createMigratingClient(ours.client, { limit: 3, drawSeed: () => 77 });
    const moved = await joinAnswer(client.generate(asked));
    const seeded = request({ sampling_options: { ...sampling_options, seed: 77 } });
    expect(moved).toEqual(await joinAnswer(ours.client.generate(seeded)));
    expect(moved.choices).toHaveLength(3);
  });

  test("on workers of another make goes on as a longer prompt with what is left of its limits", async () => {
    foreign.cuts = [0, 5];
    const asked = request({
      stop_conditions: { max_tokens: 12, min_tokens: 7, ignore_eos: true },
    });
    const moved = await joinAnswer(
      createMigratingClient(foreign.client, { limit: 2 }).generate(asked),
    );
    expect(foreign.sent.map(({ token_ids: ids }) => ids.length)).toEqual([3, 3, 8]);
    expect(foreign.sent[2]).toMatchObject({
      token_ids: [1, 2, 3, ...moved.choices[0]!.tokenIds.slice(0, 5)],
      stop_conditions: { max_tokens: 7, min_tokens: 2 },
    });
    expect(moved).toEqual(await joinAnswer(foreign.client.generate(asked)));
  });

  test("of several choices fails rather than begin anew where it cannot be resumed", async () => {
    foreign.cuts = [4];
    const asked = request({ sampling_options: { temperature: 0, n: 2 } });
    const client = createMigratingClient(foreign.client, { limit: 2 });
    const error = await rejection(joinAnswer(client.generate(asked)));
    expect(error).toMatchObject({ code: "DYN_ROUTER_CANNOT_RESUME", status: 503 });
    // Before the first token there is nothing to resume.
    foreign.reset();
    foreign.cuts = [0];
    const { choices } = await joinAnswer(client.generate(asked));
    expect(choices.map(({ tokenIds }) => tokenIds.length)).toEqual([12, 12]);
  });

  test("that had all its tokens needs no other worker", async () => {
    split.cuts = [12];
    const { choices } = await joinAnswer(
      createMigratingClient(split.client, { limit: 1 }).generate(request()),
    );
    expect(choices[0]).toMatchObject({ finishes: [["length", undefined]], completionTokens: 12 });
    expect(split.sent).toHaveLength(1);
  });
});

describe("a request moves", () => {
  test("as often as the limit says, each time to an instance that did not fail it, and is counted", async () => {
    const moves: Migration[] = [];
    const client = createMigratingClient(ours.client, {
      limit: 2,
      onMigrated: (move) => void moves.push(move),
    });
    ours.cuts = [0, 3];
    await joinAnswer(client.generate(request()));
    expect(moves.map(({ type, model }) => [type, model])).toEqual([
      ["new_request", "m"],
      ["ongoing_request", "m"],
    ]);
    expect(new Set(moves.map(({ from }) => from)).size).toBe(2);

    ours.cuts = [0, 1, 1];
    const error = await rejection(joinAnswer(client.generate(request())));
    expect(error).toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
    ours.cuts = [1];
    const still = createMigratingClient(ours.client, { limit: 0 });
    await expect(joinAnswer(still.generate(request()))).rejects.toThrow("The stream broke.");
  });

  test("not once it is longer than the bound, which is told once", async () => {
    const tooLong: string[] = [];
    const client = createMigratingClient(ours.client, {
      limit: 3,
      maxSeqLen: 8,
      onTooLong: (model) => void tooLong.push(model),
    });
    ours.cuts = [5];
    expect((await joinAnswer(client.generate(request()))).choices[0]?.tokenIds).toHaveLength(12);
    tooLong.length = 0;
    ours.cuts = [6];
    await expect(joinAnswer(client.generate(request()))).rejects.toThrow("The stream broke.");
    expect(tooLong).toEqual(["m"]);
  });

  test.each([
    ["a bad request", () => new InvalidArgumentError("odd")],
    ["a fault", () => new InternalError("broken")],
    ["an unknown error", () => new Error("what")],
  ])("not for %s", async (_, failure) => {
    ours.failure = failure;
    ours.cuts = [2];
    const client = createMigratingClient(ours.client, { limit: 3 });
    await expect(joinAnswer(client.generate(request()))).rejects.toThrow(failure().message);
    expect(ours.sent).toHaveLength(1);
  });

  test("when its worker falls silent in mid-answer with its connection open", async () => {
    const client = createMigratingClient(ours.client, { limit: 1, silenceMs: 2_000 });
    const whole = await joinAnswer(ours.client.generate(request()));
    ours.reset();
    ours.isHanging = true;
    ours.cuts = [4];
    expect(await joinAnswer(client.generate(request()))).toEqual(whole);
    expect(ours.sent).toHaveLength(2);
    ours.cuts = [4];
    const still = createMigratingClient(ours.client, { limit: 0, silenceMs: 2_000 });
    await expect(joinAnswer(still.generate(request()))).rejects.toMatchObject({
      code: "DYN_RUNTIME_DISCONNECTED",
      status: 503,
    });
  });

  test("when its worker has left discovery and says nothing, sooner", async () => {
    const hanging = await startBrokenDeployment(engine);
    const client = createMigratingClient(hanging.client, { limit: 1, withdrawnSilenceMs: 2_000 });
    hanging.isHanging = true;
    hanging.cuts = [4];
    let instanceId = 0n;
    const options = {
      onRouted: (instance: { instanceId: bigint }) => (instanceId ||= instance.instanceId),
    };
    const stream = client.generate(request(), options as object);
    const first = await stream.next();
    await hanging.withdraw(instanceId);
    const rest = await joinAnswer(stream);
    const length = first.value!.data!.token_ids.length + rest.choices[0]!.tokenIds.length;
    expect([length, hanging.sent.length]).toEqual([12, 2]);
    await hanging.close();
  });

  test("not because its reader takes long", async () => {
    const client = createMigratingClient(ours.client, { limit: 1, silenceMs: 2_000 });
    const stream = client.generate(request());
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await joinAnswer(stream);
    expect(ours.sent).toHaveLength(1);
  });

  test("not when its caller has left", async () => {
    const caller = new AbortController();
    const client = createMigratingClient(ours.client, { limit: 3 });
    const stream = client.generate(request(), { signal: caller.signal });
    await stream.next();
    caller.abort();
    await expect(joinAnswer(stream)).rejects.toThrow();
    expect(ours.sent).toHaveLength(1);
  });

  test("after a refusal for load to each worker once, and then says so", async () => {
    ours.failure = refused;
    ours.cuts = Array.from({ length: 10 }, () => 0);
    const client = createMigratingClient(ours.client, { limit: 9 });
    const error = await rejection(joinAnswer(client.generate(request())));
    expect(error).toMatchObject({ code: "DYN_REQUEST_OVERLOADED", status: 529 });
    expect(ours.sent).toHaveLength(3);
  });

  test("away from the instance that it was pinned to", async () => {
    ours.cuts = [4];
    const routed: bigint[] = [];
    const client = createMigratingClient(ours.client, { limit: 1 });
    const { choices } = await joinAnswer(
      client.generate(request(), {
        instanceId: 2n,
        onRouted: ({ instanceId }) => void routed.push(instanceId),
      }),
    );
    expect(choices[0]?.tokenIds).toHaveLength(12);
    expect(routed[0]).toBe(2n);
    expect(routed[1]).not.toBe(2n);
  });
});

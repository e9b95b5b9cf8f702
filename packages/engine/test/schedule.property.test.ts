// Random schedules against everything that must hold: requests come, share, are aborted, retracted, evicted.

import { type GenerateOutput, type GenerateRequest, MockExecutor } from "@dyn/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EngineCore } from "../src/core/engine-core.ts";
import type { EngineOptions } from "../src/core/engine-options.ts";
import { policyNames } from "../src/scheduler/policy/schedule-policy.ts";
import { audit, demand } from "./oracle/audit.ts";
import { CheckedExecutor } from "./oracle/checked-executor.ts";
import { EventMirror } from "./oracle/event-mirror.ts";
import { makeRequest } from "./oracle/make-request.ts";

const vocabSize = 97;
const contextLength = 72;
const eos = 5;

const setups = fc.record({
  pageSize: fc.constantFrom(1, 4, 16),
  poolTokens: fc.integer({ min: 56, max: 200 }),
  chunkPages: fc.option(fc.integer({ min: 1, max: 3 })),
  policy: fc.constantFrom(...policyNames),
  maxRunningRequests: fc.integer({ min: 1, max: 6 }),
  maxConsecutivePrefills: fc.integer({ min: 1, max: 4 }),
  maxPrefillTokens: fc.constantFrom(16, 64, 512),
  scheduleConservativeness: fc.constantFrom(0.05, 0.3, 1),
  maxPromptLogits: fc.constantFrom(vocabSize, 10 * vocabSize, 2 ** 20),
  output: fc.constantFrom("tokens" as const, "logits" as const),
  randomSeed: fc.integer(),
});

const requests = fc.record({
  base: fc.integer({ min: 0, max: 2 }),
  shared: fc.integer({ min: 0, max: 40 }),
  tail: fc.array(fc.integer({ min: 6, max: vocabSize - 1 }), { minLength: 1, maxLength: 12 }),
  maxNewTokens: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant(null)),
  n: fc.constantFrom(1, 1, 1, 2, 3),
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(),
  priority: fc.constantFrom(0, 0, 5, 30),
  routingKey: fc.constantFrom(null, "a", "b"),
  cacheSalt: fc.constantFrom(null, null, "salt"),
  extraKey: fc.constantFrom(null, null, "adapter"),
  logprobs: fc.constantFrom(null, null, { top: 2 }),
  promptLogprobs: fc.constantFrom(null, null, null, { top: 1, start: 0 }, { top: 0, start: 5 }),
});

const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ submit: requests }) },
    { weight: 5, arbitrary: fc.record({ steps: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 2, arbitrary: fc.record({ abort: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ abortInStep: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ flush: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ failStep: fc.constant(true) }) },
  ),
  { minLength: 4, maxLength: 40 },
);

type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;
type RequestShape = typeof requests extends fc.Arbitrary<infer T> ? T : never;

const bases = [1, 2, 3].map((seed) =>
  Array.from({ length: 40 }, (_, i) => 6 + ((i * 31 * seed + seed) % (vocabSize - 6))),
);

function shapeToRequest(shape: RequestShape): GenerateRequest {
  const { base, shared, tail, maxNewTokens, temperature, seed, promptLogprobs, ...rest } = shape;
  const tokenIds = [...bases[base]!.slice(0, shared), ...tail];
  const start = Math.min(promptLogprobs?.start ?? 0, tokenIds.length);
  return makeRequest({
    ...rest,
    tokenIds,
    eosTokenIds: [eos],
    promptLogprobs: promptLogprobs === null ? null : { top: promptLogprobs.top, start },
    sampling: {
      temperature,
      seed,
      maxNewTokens:
        maxNewTokens === null ? null : Math.min(maxNewTokens, contextLength - tokenIds.length),
    },
  });
}

function createCore(setup: Setup, options: Partial<EngineOptions> = {}) {
  const { pageSize, poolTokens, chunkPages, output, randomSeed, ...scheduler } = setup;
  const pageCount = Math.max(Math.floor(poolTokens / pageSize), 4);
  const executor = new CheckedExecutor(
    new MockExecutor({ vocabSize, contextLength, pageSize, pageCount, output }),
  );
  let random = randomSeed >>> 0;
  const core = new EngineCore(executor, {
    ...scheduler,
    chunkedPrefillSize: chunkPages === null ? null : chunkPages * pageSize,
    random: () => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      return random / 2 ** 32;
    },
    ...options,
  });
  executor.core = core;
  return { core, executor };
}

/** All that a consumer would have seen of one choice. */
interface Seen {
  tokenIds: number[];
  logprobCount: number;
  promptLogprobs: unknown;
  outputs: number;
  finish: GenerateOutput["finish"];
}

function collector(core: EngineCore, aborted: ReadonlySet<string> = new Set()) {
  const seen = new Map<string, Seen>();
  core.onOutputs((outputs) => {
    for (const output of outputs) {
      const key = `${output.requestId}/${output.index}`;
      let choice = seen.get(key);
      if (choice === undefined) {
        choice = { tokenIds: [], logprobCount: 0, promptLogprobs: null, outputs: 0, finish: null };
        seen.set(key, choice);
      }
      demand(choice.finish === null, `${key} spoke after its end`);
      choice.outputs++;
      demand(
        output.tokenIds.length === 0 || !aborted.has(output.requestId),
        "an aborted request says no more tokens",
      );
      choice.tokenIds.push(...output.tokenIds);
      choice.logprobCount += output.logprobs?.length ?? 0;
      if (output.promptLogprobs !== null) choice.promptLogprobs = [...output.promptLogprobs];
      choice.finish = output.finish;
      demand(output.usage.completionTokens === choice.tokenIds.length, "usage counts tokens");
      demand(output.samplerState.step === choice.tokenIds.length, "sampler state counts tokens");
    }
  });
  return seen;
}

async function runAlone(setup: Setup, request: GenerateRequest): Promise<Map<string, Seen>> {
  const { core } = createCore(setup, { policy: "fcfs", chunkedPrefillSize: null });
  const seen = collector(core);
  core.submit(request);
  while (await core.step());
  return seen;
}

async function runSchedule(
  setup: Setup,
  script: readonly (typeof operations extends fc.Arbitrary<infer T> ? T : never)[number][],
) {
  const { core, executor } = createCore(setup);
  const mirror = new EventMirror();
  core.onKvEvents((batch) => mirror.apply(batch));
  const aborted = new Set<string>();
  const seen = collector(core, aborted);
  const accepted: GenerateRequest[] = [];
  const step = async () => {
    const worked = await core.step();
    audit(core, mirror);
    return worked;
  };
  for (const operation of script) {
    if ("submit" in operation) {
      const request = shapeToRequest(operation.submit);
      core.submit(request);
      accepted.push(request);
    } else if ("steps" in operation) {
      for (let i = 0; i < operation.steps; i++) await step();
    } else if ("flush" in operation) {
      expect(core.flushCache()).toBe(core.isIdle);
    } else if ("failStep" in operation) {
      executor.failsNext = true;
      await step();
      executor.failsNext = false;
    } else if (accepted.length > 0) {
      const pick = "abort" in operation ? operation.abort : operation.abortInStep;
      const { requestId } = accepted[pick % accepted.length]!;
      const abort = () => {
        aborted.add(requestId);
        core.abort(requestId);
      };
      if ("abort" in operation) abort();
      else executor.duringStep = abort;
    }
    audit(core, mirror);
  }
  executor.duringStep = null;
  let steps = 0;
  while (await step()) demand(++steps < 5000, "the schedule comes to an end");
  return { core, seen, accepted, aborted, mirror };
}

/** The one error that a schedule may bring. */
function isDeviceFailure({ finish }: Seen): boolean {
  return finish?.type === "error" && finish.error.message === "The device went away.";
}

/** The mock's logits depend on the seed of the choice that computed them: after a failure that is another one. */
function comparable(choice: Seen, hasFailed: boolean): unknown {
  const { promptLogprobs } = choice;
  const shown = hasFailed ? (promptLogprobs as unknown[] | null)?.length : promptLogprobs;
  return { ...choice, promptLogprobs: shown, outputs: 0 };
}

describe("random schedules", () => {
  it("keep pages, locks and events right after every step, and never change an answer", async () => {
    let retractions = 0;
    await fc.assert(
      fc.asyncProperty(setups, operations, async (setup, script) => {
        const { core, seen, accepted, aborted } = await runSchedule(setup, script);
        expect(core.isIdle).toBe(true);
        const metrics = core.metrics();
        retractions += metrics.retractions;
        expect(metrics.pagesUsed).toBe(0);
        expect(metrics.finishedRequests + metrics.abortedRequests).toBe(accepted.length);
        for (const request of accepted) {
          const alone = await runAlone(setup, request);
          const hasFailed = [...alone.keys()].some(
            (key) => seen.get(key)!.finish?.type === "error",
          );
          for (const [key, expected] of alone) {
            const actual = seen.get(key)!;
            const isCutShort =
              (aborted.has(request.requestId) && actual.finish?.type === "abort") ||
              isDeviceFailure(actual);
            if (isCutShort) {
              const prefix = expected.tokenIds.slice(0, actual.tokenIds.length);
              expect(actual.tokenIds).toEqual(prefix);
            } else {
              expect(comparable(actual, hasFailed)).toEqual(comparable(expected, hasFailed));
            }
          }
        }
        expect(core.flushCache()).toBe(true);
        expect(core.metrics().pagesFree).toBe(metrics.pagesTotal);
      }),
      { numRuns: Number(process.env.DYN_PROPERTY_RUNS ?? 300) },
    );
    expect(retractions).toBeGreaterThan(0);
  });
});

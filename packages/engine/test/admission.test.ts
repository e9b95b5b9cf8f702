import { describe, expect, it } from "vitest";
import { NewTokenRatio } from "../src/scheduler/new-token-ratio.ts";
import { PrefillBudget } from "../src/scheduler/prefill-budget.ts";
import { RequestGroup } from "../src/scheduler/request-group.ts";
import { Sequence } from "../src/scheduler/sequence.ts";
import { choosePreempted, chooseRetracted, leastPreferred } from "../src/scheduler/victims.ts";
import { makeRequest } from "./oracle/make-request.ts";

function budget(options: Partial<ConstructorParameters<typeof PrefillBudget>[0]> = {}) {
  return new PrefillBudget({
    pageSize: 16,
    availableTokens: 1000,
    maxPrefillTokens: 512,
    chunkedPrefillSize: 256,
    ...options,
  });
}

function sequence(options: {
  prompt?: number;
  produced?: number;
  maxNew?: number;
  priority?: number;
  queueNumber?: number;
}): Sequence {
  const { prompt = 10, produced = 0, maxNew = 100, priority = 0, queueNumber = 0 } = options;
  const request = makeRequest({ tokenIds: new Uint32Array(prompt), priority });
  const made = new Sequence({
    group: new RequestGroup(request),
    index: 0,
    prompt: request.tokenIds,
    resumed: new Uint32Array(produced),
    maxLength: prompt + maxNew,
    pageSize: 16,
  });
  made.computed = made.length - 1;
  made.queueNumber = queueNumber;
  return made;
}

describe("the prefill budget", () => {
  it("admits when pages of the prompt, the estimate and one page are less than what is left", () => {
    // ceil(100 / 16) x 16 = 112; 112 + 871 + 16 = 999 < 1000.
    expect(budget().holds(100, 871)).toBe(true);
    expect(budget().holds(100, 872)).toBe(false);
    expect(budget().missing(100, 872)).toBe(1);
  });

  it("counts what was admitted and what was locked", () => {
    const left = budget();
    left.charge(100, 200);
    left.lockTokens(32);
    // 1000 - 112 - 200 - 32 = 656.
    expect(left.missing(16, 623)).toBe(0);
    expect(left.missing(16, 624)).toBe(1);
  });

  it("cuts at a page when the chunk is short, and stops when it is spent", () => {
    const left = budget({ chunkedPrefillSize: 64 });
    expect(left.chunk(40, Infinity)).toBe(40);
    left.charge(40, 0);
    expect(left.chunk(40, Infinity)).toBe(16);
    left.charge(16, 0);
    expect(left.isSpent).toBe(true);
  });

  it("never cuts without chunking: the first row may be longer than the step, a later one may not", () => {
    const left = budget({ chunkedPrefillSize: null, maxPrefillTokens: 100 });
    expect(left.chunk(5000, Infinity)).toBe(5000);
    left.charge(20, 0);
    expect(left.chunk(69, Infinity)).toBe(0);
    expect(left.chunk(60, Infinity)).toBe(60);
  });

  it("cuts a sequence that has a limit of its own", () => {
    expect(budget().chunk(200, 64)).toBe(64);
  });
});

describe("the new token ratio", () => {
  it("starts at 0.7, decays to 14 % of it over 600 decode steps, and is reset", () => {
    const ratio = new NewTokenRatio(1);
    expect(ratio.value).toBeCloseTo(0.7, 12);
    for (let i = 0; i < 300; i++) ratio.decodeStep();
    expect(ratio.value).toBeCloseTo((0.7 + 0.098) / 2, 12);
    for (let i = 0; i < 500; i++) ratio.decodeStep();
    expect(ratio.value).toBeCloseTo(0.098, 12);
    ratio.reset();
    expect(ratio.value).toBeCloseTo(0.7, 12);
  });

  it("never starts above 1", () => {
    expect(new NewTokenRatio(5).value).toBe(1);
  });

  it("after a retraction is (produced + 20 per sequence) / (maximum + 1)", () => {
    const ratio = new NewTokenRatio(1);
    ratio.retracted([sequence({ produced: 10 }), sequence({ produced: 30 })]);
    expect(ratio.value).toBeCloseTo(80 / 201, 12);
  });
});

describe("victims", () => {
  it("of a full pool: the shortest answer, of these the longest prompt", () => {
    const long = sequence({ produced: 9 });
    const short = sequence({ produced: 2, prompt: 20 });
    const shortAndLarge = sequence({ produced: 2, prompt: 30 });
    expect(chooseRetracted([long, short, shortAndLarge])).toBe(shortAndLarge);
  });

  it("of a preemption: lower priority by more than the threshold, newest first, only if they suffice", () => {
    const old = sequence({ priority: 0, queueNumber: 1 });
    const recent = sequence({ priority: 0, queueNumber: 2 });
    const close = sequence({ priority: 15, queueNumber: 3 });
    const options = { running: [old, recent, close], threshold: 10, ratio: 0, priority: 20 };
    expect(choosePreempted({ ...options, neededSlots: 1, neededTokens: 0 })).toEqual([recent]);
    expect(choosePreempted({ ...options, neededSlots: 0, neededTokens: 15 })).toEqual([
      recent,
      old,
    ]);
    expect(choosePreempted({ ...options, neededSlots: 3, neededTokens: 0 })).toEqual([]);
    expect(choosePreempted({ ...options, neededSlots: 0, neededTokens: 0 })).toEqual([]);
    expect(choosePreempted({ ...options, priority: 10, neededSlots: 1, neededTokens: 0 })).toEqual(
      [],
    );
  });

  it("of a full queue: the lowest priority that never ran, of these the newest", () => {
    const ran = sequence({ priority: -9 });
    ran.group.hasLeftQueue = true;
    const first = sequence({ priority: 1, queueNumber: 1 });
    const second = sequence({ priority: 1, queueNumber: 2 });
    expect(leastPreferred([ran, first, second, sequence({ priority: 2 })])).toBe(second.group);
    expect(leastPreferred([ran])).toBeNull();
  });
});

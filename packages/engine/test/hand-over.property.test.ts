// Random schedules over two engines: requests come, are aborted on either side in any phase, transfers are cut, steps
// fail. After each step every page has one owner, no leased page is free, and the answers that end are those of one engine.
import type { GenerateRequest } from "@dyn/engine";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { EngineCore } from "../src/core/engine-core.ts";
import { audit, demand } from "./oracle/audit.ts";
import { createCore } from "./oracle/create-core.ts";
import { EventMirror } from "./oracle/event-mirror.ts";
import { LinkedTransfers } from "./oracle/linked-transfers.ts";
import { makeRequest } from "./oracle/make-request.ts";

const vocabSize = 97;
const eos = 5;

const setups = fc.record({
  prefillPage: fc.constantFrom(1, 4, 16),
  decodePage: fc.constantFrom(1, 4, 16),
  poolTokens: fc.integer({ min: 64, max: 200 }),
  chunkPages: fc.option(fc.integer({ min: 1, max: 3 })),
  maxRunningRequests: fc.integer({ min: 1, max: 6 }),
  output: fc.constantFrom("tokens" as const, "logits" as const),
});

const requests = fc.record({
  base: fc.integer({ min: 0, max: 2 }),
  shared: fc.integer({ min: 0, max: 40 }),
  tail: fc.array(fc.integer({ min: 6, max: vocabSize - 1 }), { minLength: 1, maxLength: 12 }),
  maxNewTokens: fc.integer({ min: 0, max: 12 }),
  n: fc.constantFrom(1, 1, 2, 3),
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(),
  logprobs: fc.constantFrom(null, null, { top: 2 }),
  /** Beside pairs: what each engine does alone. */
  place: fc.constantFrom("pair", "pair", "pair", "prefill", "decode"),
  isDecodeFirst: fc.boolean(),
});

const operations = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ submit: requests }) },
    { weight: 5, arbitrary: fc.record({ steps: fc.integer({ min: 1, max: 4 }), side: fc.nat(1) }) },
    {
      weight: 5,
      arbitrary: fc.record({ deliver: fc.array(fc.nat(1), { minLength: 1, maxLength: 12 }) }),
    },
    { weight: 1, arbitrary: fc.record({ abort: fc.nat(), side: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ abortInStep: fc.nat(), side: fc.nat(1) }) },
    {
      weight: 1,
      arbitrary: fc.record({ cut: fc.nat(), end: fc.constantFrom("expired", "failed") }),
    },
    { weight: 1, arbitrary: fc.record({ failStep: fc.nat(1) }) },
  ),
  { minLength: 4, maxLength: 60 },
);

type Shape = typeof requests extends fc.Arbitrary<infer T> ? T : never;
type Setup = typeof setups extends fc.Arbitrary<infer T> ? T : never;
type Script = typeof operations extends fc.Arbitrary<infer T> ? T : never;

const bases = [1, 2, 3].map((seed) =>
  Array.from({ length: 40 }, (_, i) => 6 + ((i * 31 * seed + seed) % (vocabSize - 6))),
);

function shapeToRequest({ base, shared, tail, maxNewTokens, temperature, seed, ...rest }: Shape) {
  const { n, logprobs } = rest;
  return makeRequest({
    tokenIds: [...bases[base]!.slice(0, shared), ...tail],
    eosTokenIds: [eos],
    n,
    logprobs,
    sampling: { temperature, seed, maxNewTokens },
  });
}

interface Said {
  readonly tokens: Map<number, number[]>;
  readonly ends: Map<number, string>;
}

class Side {
  readonly said = new Map<string, Said>();
  readonly mirror = new EventMirror();
  readonly core: EngineCore;
  readonly executor: ReturnType<typeof createCore>["executor"];

  constructor(
    setup: Setup,
    pageSize: number,
    transfers: LinkedTransfers,
    name: "prefill" | "decode",
  ) {
    const { poolTokens, chunkPages, maxRunningRequests, output } = setup;
    const { core, executor } = createCore({
      vocabSize,
      contextLength: 64,
      pageSize,
      pageCount: Math.ceil(poolTokens / pageSize),
      chunkedPrefillSize: chunkPages === null ? null : chunkPages * pageSize,
      maxRunningRequests,
      output,
      kvTransfer: transfers.transfer(name),
    });
    this.core = core;
    this.executor = executor;
    core.onKvEvents((batch) => this.mirror.apply(batch));
    core.onOutputs((outputs) => {
      for (const { requestId, index, tokenIds, finish } of outputs) {
        const said = this.said.get(requestId)!;
        demand(!said.ends.has(index), "nothing is said behind the end");
        said.tokens.set(index, [...(said.tokens.get(index) ?? []), ...tokenIds]);
        if (finish !== null) said.ends.set(index, finish.type);
      }
    });
  }

  submit(request: GenerateRequest): void {
    this.said.set(request.requestId, { tokens: new Map(), ends: new Map() });
    this.core.submit(request);
  }

  audit(): void {
    audit(this.core, this.mirror);
  }
}

async function run(setup: Setup, script: Script) {
  const transfers = new LinkedTransfers();
  const sides = [
    new Side(setup, setup.prefillPage, transfers, "prefill"),
    new Side(setup, setup.decodePage, transfers, "decode"),
  ] as const;
  const accepted: { request: GenerateRequest; place: string }[] = [];
  let room = 0n;
  const settle = async () => {
    // Exports and imports go by promises.
    for (let i = 0; i < 6; i++) await Promise.resolve();
    for (const side of sides) side.audit();
  };
  const step = async (side: Side) => {
    const worked = await side.core.step();
    await settle();
    return worked;
  };
  for (const operation of script) {
    if ("submit" in operation) {
      const { place, isDecodeFirst } = operation.submit;
      const request = shapeToRequest(operation.submit);
      const half = (role: "prefill" | "decode") => ({
        ...request,
        disaggregation: { role, bootstrapHost: "h", bootstrapPort: 1, bootstrapRoom: room },
      });
      room++;
      accepted.push({ request, place });
      if (place === "prefill") sides[0].submit(request);
      else if (place === "decode") sides[1].submit(request);
      else if (isDecodeFirst) {
        sides[1].submit(half("decode"));
        sides[0].submit(half("prefill"));
      } else {
        sides[0].submit(half("prefill"));
        sides[1].submit(half("decode"));
      }
    } else if ("steps" in operation) {
      for (let i = 0; i < operation.steps; i++) await step(sides[operation.side as 0 | 1]);
    } else if ("deliver" in operation) {
      for (const pick of operation.deliver) {
        transfers.deliver(pick);
        await settle();
      }
    } else if ("cut" in operation) {
      transfers.cut(operation.cut, operation.end as "expired" | "failed");
    } else if ("failStep" in operation) {
      const side = sides[operation.failStep as 0 | 1];
      side.executor.failsNext = true;
      await step(side);
      side.executor.failsNext = false;
    } else if (accepted.length > 0) {
      const pick = "abort" in operation ? operation.abort : operation.abortInStep;
      const { requestId } = accepted[pick % accepted.length]!.request;
      const side = sides[operation.side as 0 | 1];
      if ("abort" in operation) side.core.abort(requestId);
      else side.executor.duringStep = () => side.core.abort(requestId);
    }
    await settle();
  }
  for (const side of sides) side.executor.duringStep = null;
  let turns = 0;
  for (let moved = true; moved; ) {
    moved = false;
    for (const pick of [0, 1]) {
      while (transfers.deliver(pick)) {
        moved = true;
        await settle();
      }
      if (await step(sides[pick as 0 | 1])) moved = true;
    }
    demand(++turns < 5000, "the schedule comes to an end");
    // What one side alone waits for would expire.
    if (!moved && transfers.openRooms > 0) {
      transfers.cut(0, "expired");
      moved = true;
    }
  }
  return { sides, accepted, transfers };
}

async function answerAlone(setup: Setup, request: GenerateRequest): Promise<Map<number, number[]>> {
  const tokens = new Map<number, number[]>();
  const { core } = createCore({
    vocabSize,
    contextLength: 64,
    pageSize: setup.decodePage,
    pageCount: 400,
    output: setup.output,
  });
  core.onOutputs((outputs) => {
    for (const { index, tokenIds } of outputs) {
      tokens.set(index, [...(tokens.get(index) ?? []), ...tokenIds]);
    }
  });
  core.submit(request);
  while (await core.step());
  return tokens;
}

it("pages and leases are right after every step, every request ends, and whole answers are those of one engine", async () => {
  const ends = { pair: 0, whole: 0 };
  await fc.assert(
    fc.asyncProperty(setups, operations, async (setup, script) => {
      const { sides, accepted, transfers } = await run(setup, script);
      expect(transfers.buffersOut).toBe(0);
      for (const { core } of sides) {
        expect(core.isIdle).toBe(true);
        const { pagesUsed, handOver } = core.metrics();
        expect(pagesUsed).toBe(0);
        expect(handOver).toMatchObject({ leasesOpen: 0, leasedPages: 0, receiving: 0 });
        expect(core.flushCache()).toBe(true);
        expect(core.metrics().pagesFree).toBe(core.metrics().pagesTotal);
      }
      for (const { request, place } of accepted) {
        for (const side of sides) {
          const said = side.said.get(request.requestId);
          if (said === undefined) continue;
          expect(said.ends.size).toBe(request.n);
          if (place === "pair") ends.pair++;
        }
        const said = sides[place === "prefill" ? 0 : 1].said.get(request.requestId)!;
        const expected = await answerAlone(setup, request);
        for (const [index, end] of said.ends) {
          const tokens = said.tokens.get(index) ?? [];
          const whole = expected.get(index) ?? [];
          if (end === "abort" || end === "error") {
            expect(tokens).toEqual(whole.slice(0, tokens.length));
          } else {
            expect(tokens).toEqual(whole);
            if (place === "pair") ends.whole++;
          }
        }
      }
    }),
    { numRuns: Number(process.env.DYN_PROPERTY_RUNS ?? 200) },
  );
  // Most pairs get through.
  expect(ends.whole).toBeGreaterThan(ends.pair / 4);
});

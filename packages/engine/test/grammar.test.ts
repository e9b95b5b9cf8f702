// Requests with a grammar through the whole core. The mock's logits are flat but for one random peak, which the grammar
// mostly forbids: a random walk.
import {
  createLocalEngine,
  createMockEngine,
  type Engine,
  type GenerateOutput,
  type GenerateRequest,
  type GenerateRequestFields,
  MockExecutor,
  type RequestGrammar,
} from "@dyn/engine";
import { createGrammarCompiler, type GrammarCompiler } from "@dyn/grammar";
import { afterAll, describe, expect, it } from "vitest";
import { makeRequest } from "./oracle/make-request.ts";

const vocabSize = 300;
const eos = 299;
/** One token per byte; what is beyond them is special. */
const vocabulary = {
  vocabSize,
  idToBytes: (id: number) => (id < 256 ? Uint8Array.of(id) : new Uint8Array(0)),
  isSpecial: (id: number) => id >= 256,
};
const grammars = createGrammarCompiler({ vocabulary });
afterAll(() => grammars.close());

const person = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 5 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { enum: ["a", "b"] }, maxItems: 2 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
};

function json(schema: unknown, startsAfter: string | null = null): RequestGrammar {
  return { spec: { kind: "json", schema, whitespacePattern: "" }, startsAfter };
}

function regex(pattern: string): RequestGrammar {
  return { spec: { kind: "regex", pattern }, startsAfter: null };
}

function request(
  grammar: RequestGrammar,
  options: Partial<GenerateRequestFields> = {},
): GenerateRequest {
  const { sampling, ...rest } = options;
  return makeRequest({
    tokenIds: [1, 2, 3],
    eosTokenIds: [eos],
    grammar,
    ...rest,
    sampling: { temperature: 1, maxNewTokens: 400, ...sampling },
  });
}

function mock(options: Parameters<typeof createMockEngine>[0] = {}): Engine {
  return createMockEngine({ vocabSize, grammars, ...options });
}

async function collect(engine: Engine, asked: GenerateRequest): Promise<GenerateOutput[]> {
  const outputs: GenerateOutput[] = [];
  for await (const output of engine.generate(asked)) outputs.push(output);
  return outputs;
}

function tokensOf(outputs: readonly GenerateOutput[], index = 0): number[] {
  return outputs.filter((output) => output.index === index).flatMap(({ tokenIds }) => tokenIds);
}

function textOf(outputs: readonly GenerateOutput[], index = 0): string {
  return Buffer.from(tokensOf(outputs, index).filter((id) => id < 256)).toString();
}

function lastOf(outputs: readonly GenerateOutput[], index = 0): GenerateOutput {
  return outputs.findLast((output) => output.index === index)!;
}

function demandPerson(text: string): void {
  const value = JSON.parse(text) as { name: string; age: number; tags: string[] };
  expect(Array.from(value.name).length).toBeLessThanOrEqual(5);
  expect(value.age).toBeGreaterThanOrEqual(0);
  expect(value.age).toBeLessThanOrEqual(120);
  for (const tag of value.tags) expect(["a", "b"]).toContain(tag);
}

describe("a request with a grammar", () => {
  it("ends in a valid document, each choice by itself, and stops there without an end token", async () => {
    const engine = mock();
    for (let seed = 0; seed < 25; seed++) {
      const outputs = await collect(engine, request(json(person), { n: 3, sampling: { seed } }));
      for (const index of [0, 1, 2]) {
        demandPerson(textOf(outputs, index));
        expect(lastOf(outputs, index).finish).toEqual({ type: "stop", matched: null });
      }
    }
    await engine.close();
  });

  it("samples from logits, whatever the executor would have sampled itself", async () => {
    const executor = new MockExecutor({ vocabSize, output: "tokens" });
    const engine = createLocalEngine(executor, { grammars });
    const outputs = await collect(engine, request(regex("[ab]{6}c")));
    expect(textOf(outputs)).toMatch(/^[ab]{6}c$/);
    await engine.close();
  });

  it("gives the same for the same seed, with penalties and log-probabilities of what was allowed", async () => {
    const engine = mock();
    const sampling = { seed: 5, frequencyPenalty: 1, presencePenalty: 0.5, repetitionPenalty: 1.2 };
    const asked = () => request(regex("[a-d]{20}"), { sampling, logprobs: { top: 4 } });
    const [a, b] = [await collect(engine, asked()), await collect(engine, asked())];
    expect(tokensOf(a)).toEqual(tokensOf(b));
    const logprobs = a.flatMap((output) => output.logprobs ?? []);
    expect(logprobs).toHaveLength(20);
    for (const { top } of logprobs) {
      const sum = top.reduce((total, { logprob }) => total + Math.exp(logprob), 0);
      expect(sum).toBeCloseTo(1, 4);
    }
    await engine.close();
  });

  it("ends by an end token where more could follow, not before minNewTokens", async () => {
    const engine = mock();
    const bias = { logitBias: { [eos]: 60 }, seed: 1 };
    const early = await collect(engine, request(regex("a{2,50}"), { sampling: bias }));
    expect(tokensOf(early)).toEqual([97, 97, eos]);
    const late = await collect(
      engine,
      request(regex("a{2,50}"), { sampling: { ...bias, minNewTokens: 10 } }),
    );
    expect(tokensOf(late)).toEqual([...Array<number>(10).fill(97), eos]);
    // The grammar has no more to give: that wins over minNewTokens.
    const short = await collect(
      engine,
      request(regex("a{3}"), { sampling: { ...bias, minNewTokens: 10 } }),
    );
    expect(tokensOf(short)).toEqual([97, 97, 97]);
    expect(lastOf(short).finish).toEqual({ type: "stop", matched: null });
    await engine.close();
  });

  it("with ignoreEos goes on as long as the grammar can, then stops", async () => {
    const engine = mock();
    const sampling = { ignoreEos: true, logitBias: { [eos]: 60 } };
    const outputs = await collect(engine, request(regex("a{2,30}"), { sampling }));
    expect(textOf(outputs)).toBe("a".repeat(30));
    await engine.close();
  });

  it("a length that comes first leaves a beginning that the grammar takes", async () => {
    const engine = mock();
    const outputs = await collect(
      engine,
      request(regex("a*b"), { sampling: { maxNewTokens: 4, logitBias: { 97: 100 } } }),
    );
    expect([textOf(outputs), lastOf(outputs).finish]).toEqual(["aaaa", { type: "length" }]);
    await engine.close();
  });

  it("after reasoning: free text, then the grammar", async () => {
    const engine = mock();
    // The peak of the mock's logits is high: a bias writes the marker.
    const executor = new MockExecutor({
      vocabSize,
      output: "logits",
      nextToken: (_, position) => Buffer.from("hm.</t>zzzzzzzz")[position - 3] ?? 122,
    });
    const thinking = createLocalEngine(executor, { grammars });
    const outputs = await collect(thinking, request(json({ enum: ["yes", "no"] }, "</t>")));
    expect(textOf(outputs)).toMatch(/^hm\.<\/t>"(yes|no)"$/);
    await thinking.close();
    await engine.close();
  });
});

describe("grammar state", () => {
  it("survives retraction", async () => {
    const engine = mock({ pageSize: 4, pageCount: 24, scheduleConservativeness: 0.01 });
    const asked = Array.from({ length: 6 }, (_, seed) =>
      request(regex("([a-f]{2}-){9}[a-f]{3}"), {
        tokenIds: Array.from({ length: 12 }, (__, i) => i + seed),
        sampling: { seed, maxNewTokens: 40 },
      }),
    );
    const all = await Promise.all(asked.map((each) => collect(engine, each)));
    expect(engine.metrics().retractions).toBeGreaterThan(0);
    for (const outputs of all) expect(textOf(outputs)).toMatch(/^([a-f]{2}-){9}[a-f]{3}$/);
    await engine.close();
  });

  it("moves to another engine with the tokens", async () => {
    const asked = request(json(person), { n: 2, sampling: { seed: 3 } });
    const engine = mock({ output: "logits" });
    const whole = await collect(engine, asked);
    const resume = [0, 1].map((index) => {
      const before = whole.filter((output) => output.index === index).slice(0, 6);
      return {
        tokenIds: Uint32Array.from(before.flatMap(({ tokenIds }) => tokenIds)),
        samplerState: before.at(-1)!.samplerState,
      };
    });
    const elsewhere = createMockEngine({
      vocabSize,
      output: "logits",
      grammars: createGrammarCompiler({ vocabulary }),
    });
    const rest = await collect(elsewhere, { ...asked, requestId: "moved", resume });
    for (const index of [0, 1]) {
      expect([...resume[index]!.tokenIds, ...tokensOf(rest, index)]).toEqual(
        tokensOf(whole, index),
      );
    }
    const foreign = { ...asked, requestId: "foreign", resume, grammar: regex("x") };
    const [failed] = await collect(elsewhere, foreign);
    expect(failed?.finish).toMatchObject({
      type: "error",
      error: { status: 400, param: "resume" },
    });
    await Promise.all([engine.close(), elsewhere.close()]);
  });
});

describe("a grammar that cannot be used", () => {
  it("ends every choice with what is wrong, and nothing else", async () => {
    const engine = mock();
    const outputs = await collect(engine, request(json({ type: "string", not: {} }), { n: 2 }));
    expect(outputs).toHaveLength(2);
    for (const { finish, tokenIds } of outputs) {
      expect(tokenIds).toEqual([]);
      expect(finish).toMatchObject({ type: "error", error: { status: 400, param: "grammar" } });
    }
    expect(tokensOf(await collect(engine, request(regex("ok"))))).toHaveLength(2);
    await engine.close();
  });

  it("is refused by an engine without a compiler", async () => {
    const engine = createMockEngine({ vocabSize });
    await expect(collect(engine, request(regex("a")))).rejects.toMatchObject({
      status: 400,
      param: "grammar",
    });
    await engine.close();
  });
});

describe("while a grammar is compiled", () => {
  /** Compiles when told to. */
  function held() {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const compiler: GrammarCompiler = {
      compile: async (spec) => {
        await gate;
        return grammars.compile(spec);
      },
      close: () => Promise.resolve(),
    };
    return { compiler, release: () => release() };
  }

  it("others go on, an abort ends the request at once, and drain waits", async () => {
    const { compiler, release } = held();
    const engine = mock({ grammars: compiler });
    const controller = new AbortController();
    const aborted: GenerateOutput[] = [];
    const first = (async () => {
      const asked = request(regex("a"), { n: 2 });
      for await (const output of engine.generate(asked, { signal: controller.signal }))
        aborted.push(output);
    })();
    const second = collect(engine, request(regex("bb")));
    expect(await collect(engine, makeRequest({ tokenIds: [1] }))).toHaveLength(8);
    controller.abort();
    await first;
    expect(aborted.map(({ finish }) => finish?.type)).toEqual(["abort", "abort"]);
    let isDrained = false;
    const drained = engine.drain().then(() => {
      isDrained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDrained).toBe(false);
    release();
    expect(textOf(await second)).toBe("bb");
    await drained;
    await engine.close();
  });

  it("closing ends what waits", async () => {
    const engine = mock({ grammars: held().compiler });
    const waiting = collect(engine, request(regex("a")));
    await new Promise((resolve) => setImmediate(resolve));
    await engine.close();
    expect((await waiting).map(({ finish }) => finish?.type)).toEqual(["abort"]);
  });
});

// What is asked for, and when: fixed before anything was measured, the same for every mode. Text ids are 32-bit hashes, so
// that two texts share nothing but what is meant to be shared.
import type { PreprocessedRequest } from "@dyn/protocol";
import { createPoisson, createRandom, shuffle } from "./draw.ts";

export interface Arrival {
  readonly arrivesMs: number;
  readonly tokens: Uint32Array;
  readonly outputTokens: number;
}

export interface Workload {
  readonly name: string;
  /** Fills the caches; runs to its end before the rest begins, and is not counted. */
  readonly warmUp: readonly Arrival[];
  readonly measured: readonly Arrival[];
}

export function toRequest(tokens: Uint32Array): PreprocessedRequest {
  return {
    model: "bench",
    token_ids: tokens,
    stop_conditions: {},
    sampling_options: {},
    output_options: {},
    eos_token_ids: [],
    annotations: [],
  };
}

/** Below the mock engine's vocabulary of 2^31. */
const text = (id: number, count: number) =>
  Uint32Array.from({ length: count }, (_, i) => (Math.imul(id + 1, 2654435761) + i) >>> 1);

function join(...parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * llm-d's published profile of a shared prefix: 150 groups x 5 prompts of 6,000 + 1,200 tokens, replayed one after the
 * other in a drawn order. Answers of 200: what its report has a request at (177 to 245).
 */
export function sharedPrefixes(perSecond: number): Workload {
  const random = createRandom(1);
  const prompts = shuffle(
    Array.from({ length: 750 }, (_, i) =>
      join(text(Math.floor(i / 5), 6_000), text(1_000 + i, 1_200)),
    ),
    random,
  );
  const stage = (rate: number): Arrival[] => {
    const next = createPoisson(rate, random);
    return prompts.map((tokens) => ({ arrivesMs: next(), tokens, outputTokens: 200 }));
  };
  return {
    name: `Shared prefixes: 150 tenants x (6,000 + 5 x 1,200), ${perSecond}/s`,
    warmUp: stage(15),
    measured: stage(perSecond),
  };
}

export function multiTurn(): Workload {
  const random = createRandom(2);
  const arrivals = Array.from({ length: 200 }, (_, session) => {
    let tokens: Uint32Array = text(7, 500);
    let arrivesMs = random() * 60_000;
    return Array.from({ length: 8 }, (_, turn) => {
      tokens = join(tokens, text(10_000 + session * 16 + turn, 400 + Math.floor(random() * 800)));
      arrivesMs += 4_000 + random() * 12_000;
      return { arrivesMs, tokens, outputTokens: 100 };
    });
  });
  const measured = arrivals.flat().sort((a, b) => a.arrivesMs - b.arrivesMs);
  return { name: "Multi-turn: 200 sessions x 8 turns of 400 to 1,200", warmUp: [], measured };
}

/** Shape of the Mooncake conversation trace: blocks of 512, a few hot prefixes, long tails, answers of about 180. */
export function mooncakeLike(perSecond: number): Workload {
  const random = createRandom(3);
  let own = 200_000;
  const stage = (count: number): Arrival[] => {
    const next = createPoisson(perSecond, random);
    return Array.from({ length: count }, () => {
      const root = Math.floor(200 ** random()) - 1;
      const depth = 1 + Math.floor(-Math.log(1 - random()) * 6);
      const shared = Array.from({ length: Math.min(depth, 24) }, (_, level) =>
        text(50_000 + root * 64 + level, 512),
      );
      const tail = Math.min(8_000, Math.floor(-Math.log(1 - random()) * 1_500) + 100);
      return { arrivesMs: next(), tokens: join(...shared, text(own++, tail)), outputTokens: 180 };
    });
  };
  return {
    name: `Mooncake-like: zipf roots, 1k to 16k, ${perSecond}/s`,
    warmUp: stage(400),
    measured: stage(800),
  };
}

export function unrelated(perSecond: number): Workload {
  const random = createRandom(4);
  const next = createPoisson(perSecond, random);
  const measured = Array.from({ length: 2_000 }, (_, i) => ({
    arrivesMs: next(),
    tokens: text(900_000 + i, 1_500 + Math.floor(random() * 1_000)),
    outputTokens: 64,
  }));
  return { name: `Unrelated: 1,500 to 2,500 each, ${perSecond}/s`, warmUp: [], measured };
}

export function oneSystemPrompt(perSecond: number): Workload {
  const random = createRandom(5);
  const next = createPoisson(perSecond, random);
  const measured = Array.from({ length: 2_000 }, (_, i) => ({
    arrivesMs: next(),
    tokens: join(text(3, 8_000), text(2_000_000 + i, 300)),
    outputTokens: 64,
  }));
  return { name: `One system prompt of 8,000 for all + 300, ${perSecond}/s`, warmUp: [], measured };
}

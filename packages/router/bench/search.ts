// KV-aware routing beside other ways, on a simulated clock: the router is the real one, workers are simulated.
//   node --conditions=@dyn/source --import tsx packages/router/bench/workloads.ts

import type { PreprocessedRequest } from "@dyn/protocol";
import { createKvRouter, type KvRouter, type RouterSettings } from "@dyn/router";
import { createMemHub } from "@dyn/runtime";
import { type SimulatedRequest, SimulatedWorker } from "./simulated-worker.ts";

const workerCount = 8;
const blockSize = 64;
/** 20 tenants of 6,000 tokens. */
const capacityBlocks = Math.ceil((20 * 6_200) / blockSize);
const endpoint = { namespace: "bench", component: "backend", endpoint: "generate" };

/** Numerical Recipes' generator: the same workload for every mode. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Arrival {
  readonly arrivesMs: number;
  readonly tokens: Uint32Array;
  readonly outputTokens: number;
}

const text = (id: number, count: number) =>
  Uint32Array.from({ length: count }, (_, i) => (Math.imul(id + 1, 2654435761) + i) >>> 0);
const join = (...parts: readonly Uint32Array[]) => {
  const whole = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
function poisson(rate: number, random: () => number): () => number {
  let nowMs = 0;
  return () => {
    nowMs += (-Math.log(1 - random()) / rate) * 1000;
    return nowMs;
  };
}

const workloads: Readonly<Record<string, () => Arrival[]>> = {
  "shared prefixes: 150 tenants x 6k + 200, 12/s": () => {
    const random = createRandom(1);
    const next = poisson(12, random);
    return Array.from({ length: 2_000 }, (_, i) => ({
      arrivesMs: next(),
      tokens: join(text(Math.floor(random() * 150), 6_000), text(1_000 + i, 200)),
      outputTokens: 64,
    }));
  },
  "multi-turn: 200 sessions x 8 turns": () => {
    const random = createRandom(2);
    const arrivals = Array.from({ length: 200 }, (_, session) => {
      let tokens = text(7, 500);
      let arrivesMs = random() * 60_000;
      return Array.from({ length: 8 }, (_, turn) => {
        tokens = join(tokens, text(10_000 + session * 16 + turn, 400 + Math.floor(random() * 800)));
        arrivesMs += 4_000 + random() * 12_000;
        const arrival = { arrivesMs, tokens, outputTokens: 100 };
        return arrival;
      });
    });
    return arrivals.flat().sort((a, b) => a.arrivesMs - b.arrivesMs);
  },
  // Shape of the Mooncake conversation trace: blocks of 512, a few hot prefixes, long tails, answers of about 180.
  "Mooncake-like: zipf roots, 1k to 16k, 6/s": () => {
    const random = createRandom(3);
    const next = poisson(6, random);
    return Array.from({ length: 1_200 }, (_, i) => {
      const root = Math.floor(200 ** random()) - 1;
      const depth = 1 + Math.floor(-Math.log(1 - random()) * 6);
      const shared = Array.from({ length: Math.min(depth, 24) }, (_, level) =>
        text(50_000 + root * 64 + level, 512),
      );
      const own = text(
        200_000 + i,
        Math.min(8_000, Math.floor(-Math.log(1 - random()) * 1_500) + 100),
      );
      return { arrivesMs: next(), tokens: join(...shared, own), outputTokens: 180 };
    });
  },
  "unrelated: 2k each, 25/s": () => {
    const random = createRandom(4);
    const next = poisson(25, random);
    return Array.from({ length: 2_000 }, (_, i) => ({
      arrivesMs: next(),
      tokens: text(900_000 + i, 1_500 + Math.floor(random() * 1_000)),
      outputTokens: 64,
    }));
  },
  "one system prompt of 8k for all, 40/s": () => {
    const random = createRandom(5);
    const next = poisson(40, random);
    return Array.from({ length: 2_000 }, (_, i) => ({
      arrivesMs: next(),
      tokens: join(text(3, 8_000), text(2_000_000 + i, 300)),
      outputTokens: 64,
    }));
  },
};

const prefillScales = {
  kv: 1,
  "kv, prefill scale 4": 4,
  "kv, prefill scale 16": 16,
  approximate: 1,
  "load-only": 1,
  "round-robin": 1,
  random: 1,
};
type Mode = keyof typeof prefillScales;
/** Arguments choose; without any all run. */
const modes = (Object.keys(prefillScales) as Mode[]).filter(
  (mode) => process.argv.length < 3 || process.argv.slice(2).includes(mode),
);

function settingsOf(mode: Mode): Partial<RouterSettings> {
  const cost = {
    overlapScoreCredit: mode === "load-only" ? 0 : 1,
    overlapScoreCreditDecay: 0,
    prefillLoadScale: prefillScales[mode],
    decodeActiveRequestWeight: 0,
    hostCacheHitWeight: 0.75,
    diskCacheHitWeight: 0.25,
    temperature: 0,
    trackPrefillTokens: true,
    trackActiveBlocks: true,
  };
  return { cost, useKvEvents: mode !== "approximate" };
}

function toRequest(tokens: Uint32Array): PreprocessedRequest {
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

async function run(arrivals: readonly Arrival[], mode: Mode) {
  let nowMs = 0;
  const random = createRandom(99);
  const planes = createMemHub().createPlanes();
  const options = { planes, endpoint, model: "bench", blockSize, random, now: () => nowMs };
  const router: KvRouter = createKvRouter({ ...options, settings: settingsOf(mode) });
  const ids = Array.from({ length: workerCount }, (_, i) => BigInt(i + 1));
  const ranks = new Map<string, { workerId: bigint; dpRank: number }>();
  const ttfts: number[] = [];
  let [promptTokens, cachedTokens, endMs] = [0, 0, 0];
  const workers = ids.map(
    (workerId) =>
      new SimulatedWorker(capacityBlocks, blockSize, {
        firstToken: (request, cached, atMs) => {
          // The first third fills the caches.
          if (Number(request.id) < arrivals.length / 3) {
            router.prefillCompleted(request.id, ranks.get(request.id)!);
            return;
          }
          ttfts.push(atMs - request.arrivesMs);
          promptTokens += request.tokens.length;
          cachedTokens += cached;
          router.prefillCompleted(request.id, ranks.get(request.id)!);
        },
        ended: (request, atMs) => {
          endMs = Math.max(endMs, atMs);
          router.free(request.id, ranks.get(request.id)!, 1, true);
        },
        stored: (first, { sequenceHashes, localHashes }) => {
          router.index.applyStored(workerId, 0, {
            parentHash: first === 0 ? null : sequenceHashes[first - 1]!,
            blockHashes: sequenceHashes.slice(first),
            tokensHashes: localHashes.slice(first),
          });
        },
        removed: (hashes) => {
          router.index.applyRemoved(workerId, 0, hashes);
        },
      }),
  );
  for (const [i, { arrivesMs, tokens, outputTokens }] of arrivals.entries()) {
    for (;;) {
      const next = workers.reduce((a, b) => (b.nextMs < a.nextMs ? b : a));
      if (next.nextMs > arrivesMs) break;
      nowMs = next.nextMs;
      next.finishStep();
    }
    nowMs = arrivesMs;
    const request = toRequest(tokens);
    const hashes = router.hash(request);
    const id = String(i);
    const simulated: SimulatedRequest = { id, arrivesMs, tokens, outputTokens, ...hashes };
    let at: number;
    if (mode === "round-robin") at = i % workerCount;
    else if (mode === "random") at = Math.floor(random() * workerCount);
    else {
      const choice = router.choose({ request, requestId: id, workerIds: ids });
      router.book(id, choice, request);
      at = ids.indexOf(choice.workerId);
    }
    ranks.set(id, { workerId: ids[at]!, dpRank: 0 });
    workers[at]!.accept(simulated, nowMs);
  }
  for (;;) {
    const next = workers.reduce((a, b) => (b.nextMs < a.nextMs ? b : a));
    if (next.nextMs === Number.POSITIVE_INFINITY) break;
    nowMs = next.nextMs;
    next.finishStep();
  }
  await router.close();
  ttfts.sort((a, b) => a - b);
  const at = (share: number) =>
    ttfts[Math.min(ttfts.length - 1, Math.floor(share * ttfts.length))]!;
  const counts = workers.map(({ requestCount }) => requestCount);
  return {
    hitRate: cachedTokens / promptTokens,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    perSecond: (arrivals.length / endMs) * 1000,
    imbalance: (Math.max(...counts) * workerCount) / arrivals.length,
    least: (Math.min(...counts) * workerCount) / arrivals.length,
  };
}

for (const [name, make] of Object.entries(workloads)) {
  const arrivals = make();
  console.log(`\n${name} (${arrivals.length} requests)\n`);
  console.log(
    "| mode | hit rate | TTFT p50 ms | p90 | p99 | requests/s | busiest/mean | idlest/mean |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const mode of modes) {
    const it = await run(arrivals, mode);
    const ms = [it.p50, it.p90, it.p99].map((value) => value.toFixed(0)).join(" | ");
    console.log(
      `| ${mode} | ${(100 * it.hitRate).toFixed(1)} % | ${ms} | ${it.perSecond.toFixed(1)} | ${it.imbalance.toFixed(2)} | ${it.least.toFixed(2)} |`,
    );
  }
}

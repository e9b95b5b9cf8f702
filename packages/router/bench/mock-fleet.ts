// Eight workers with the mock engine of @dyn/engine (its scheduler, its radix cache, its KV events) behind the real router,
// in warped time.
import { setImmediate as nextTurn } from "node:timers/promises";
import { createGenerateRequest, createMockEngine, type Engine } from "@dyn/engine";
import { createBlockHasher, toRouterEvents } from "@dyn/kv-events";
import type { PreprocessedRequest } from "@dyn/protocol";
import { createKvRouter, type RankId } from "@dyn/router";
import { createMemHub, type ModelRecord } from "@dyn/runtime";
import { createRandom } from "./draw.ts";
import { type Mode, modes } from "./mode.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { type Arrival, toRequest, type Workload } from "./workload.ts";

export interface FleetOptions {
  /** KV capacity of a worker. */
  readonly kvTokens: number;
}

export interface FleetFigures {
  readonly hitRate: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly requestsPerSecond: number;
  readonly tokensPerSecond: number;
  /** Requests of the busiest and the idlest worker, over the mean. */
  readonly busiest: number;
  readonly idlest: number;
}

const workerCount = 8;
const blockSize = 64;
const prefillUsPerToken = 100;
const decodeMsPerStep = 10;
/** From the engine's step to the router's index. */
const eventDelayMs = 2;
const endpoint = { namespace: "bench", component: "backend", endpoint: "generate" };

export async function runFleet(
  workload: Workload,
  mode: Mode,
  { kvTokens }: FleetOptions,
): Promise<FleetFigures> {
  const clock = new VirtualClock();
  const { now, sleep } = clock;
  const random = createRandom(99);
  const hub = createMemHub();
  const planes = hub.createPlanes();
  const pageCount = Math.floor(kvTokens / blockSize);
  const settings = modes[mode];
  const router = createKvRouter({
    planes,
    endpoint,
    model: "bench",
    blockSize,
    random,
    now,
    settings: settings ?? {},
  });
  const hasher = createBlockHasher();
  const ids = Array.from({ length: workerCount }, (_, i) => BigInt(i + 1));
  const engines = ids.map((workerId): Engine => {
    const engine = createMockEngine({
      now,
      sleep,
      prefillUsPerToken,
      decodeMsPerStep,
      vocabSize: 2 ** 31,
      pageSize: blockSize,
      pageCount,
      randomSeed: 1,
    });
    engine.onKvEvents((batch) => {
      const events = toRouterEvents(
        { ...batch, dpRank: 0 },
        { workerId, dpRank: 0, blockSize, hasher },
      );
      clock.at(now() + eventDelayMs, () => {
        for (const event of events) router.index.apply({ ...event, eventId: 0 });
      });
    });
    return engine;
  });

  for (const instanceId of ids) await planes.discovery.put(toRecord(instanceId, pageCount));
  while (router.workers.workerIds.length < workerCount) await nextTurn();

  let sent = 0;
  const route = (request: PreprocessedRequest, requestId: string): number => {
    const turn = sent++ % workerCount;
    if (mode === "round-robin") return turn;
    if (mode === "random") return Math.floor(random() * workerCount);
    const choice = router.choose({ request, requestId, workerIds: ids });
    router.book(requestId, choice, request);
    return ids.indexOf(choice.workerId);
  };
  const figures = { ttfts: [] as number[], promptTokens: 0, cachedTokens: 0, outputTokens: 0 };
  const counts = new Array<number>(workerCount).fill(0);
  const ask = async ({ tokens, outputTokens }: Arrival, requestId: string, isCounted: boolean) => {
    const askedMs = now();
    const at = route(toRequest(tokens), requestId);
    const rank: RankId = { workerId: ids[at]!, dpRank: 0 };
    if (isCounted) counts[at]! += 1;
    let isFirst = true;
    const sampling = { maxNewTokens: outputTokens, ignoreEos: true };
    const request = createGenerateRequest({ requestId, tokenIds: tokens, sampling });
    for await (const output of engines[at]!.generate(request)) {
      if (output.finish?.type === "error") throw new Error(output.finish.error.message);
      if (isCounted) figures.outputTokens += output.tokenIds.length;
      if (!isFirst) continue;
      isFirst = false;
      router.prefillCompleted(requestId, rank);
      if (!isCounted) continue;
      figures.ttfts.push(now() - askedMs);
      figures.promptTokens += tokens.length;
      figures.cachedTokens += output.usage.cachedTokens;
    }
    router.free(requestId, rank, 1, true);
  };
  const play = async (arrivals: readonly Arrival[], name: string, isCounted: boolean) => {
    const startMs = now();
    const answers: Promise<void>[] = [];
    for (const [i, arrival] of arrivals.entries()) {
      clock.at(startMs + arrival.arrivesMs, () => {
        const answer = ask(arrival, `${name} ${i}`, isCounted);
        // Reported below.
        answer.catch(() => {});
        answers.push(answer);
      });
    }
    await clock.run();
    await Promise.all(answers);
    return now() - startMs;
  };
  await play(workload.warmUp, "warm-up", false);
  const tookMs = await play(workload.measured, "request", true);
  await Promise.all(engines.map((engine) => engine.close()));
  await router.close();

  const { ttfts, promptTokens, cachedTokens, outputTokens } = figures;
  ttfts.sort((a, b) => a - b);
  const at = (share: number) =>
    ttfts[Math.min(ttfts.length - 1, Math.floor(share * ttfts.length))]!;
  const mean = workload.measured.length / workerCount;
  return {
    hitRate: cachedTokens / promptTokens,
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p99Ms: at(0.99),
    requestsPerSecond: (1000 * workload.measured.length) / tookMs,
    tokensPerSecond: (1000 * outputTokens) / tookMs,
    busiest: Math.max(...counts) / mean,
    idlest: Math.min(...counts) / mean,
  };
}

/** What routers know of a worker. */
function toRecord(instanceId: bigint, totalKvBlocks: number): ModelRecord {
  const card = {
    displayName: "bench",
    sourcePath: "/nowhere",
    modelTypes: ["completions" as const],
    modelInput: "tokens" as const,
    contextLength: 32_768,
    kvCacheBlockSize: blockSize,
    endpoint: "dyn://bench.backend.generate",
    created: 1,
    runtimeConfig: { totalKvBlocks },
  };
  return { type: "model", id: endpoint, instanceId, card };
}

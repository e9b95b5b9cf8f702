// A search over cost settings on a simulated clock: the router is the real one, workers are simulated and leave the engine's
// work out. For trying ideas; figures of record come from figures.ts.
//   node --conditions=@dyn/source --import tsx packages/router/bench/search.ts [modes]
import { createKvRouter, type KvRouter } from "@dyn/router";
import { createMemHub } from "@dyn/runtime";
import { createRandom } from "./draw.ts";
import { type Mode, modes } from "./mode.ts";
import { type SimulatedRequest, SimulatedWorker } from "./simulated-worker.ts";
import {
  type Arrival,
  mooncakeLike,
  multiTurn,
  oneSystemPrompt,
  sharedPrefixes,
  toRequest,
  unrelated,
} from "./workload.ts";

const workerCount = 8;
const blockSize = 64;
const capacityBlocks = 240_000 / blockSize;
const endpoint = { namespace: "bench", component: "backend", endpoint: "generate" };
const names = (Object.keys(modes) as Mode[]).filter(
  (mode) => process.argv.length < 3 || process.argv.slice(2).includes(mode),
);

async function run(arrivals: readonly Arrival[], mode: Mode) {
  let nowMs = 0;
  const random = createRandom(99);
  const planes = createMemHub().createPlanes();
  const options = { planes, endpoint, model: "bench", blockSize, random, now: () => nowMs };
  const router: KvRouter = createKvRouter({ ...options, settings: modes[mode] ?? {} });
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

for (const { name, warmUp, measured } of [
  sharedPrefixes(10),
  multiTurn(),
  mooncakeLike(6),
  unrelated(25),
  oneSystemPrompt(40),
]) {
  const startMs = warmUp.at(-1)?.arrivesMs ?? 0;
  const later = measured.map((it) => ({ ...it, arrivesMs: it.arrivesMs + startMs }));
  console.log(`\n${name}\n`);
  console.log(
    "| mode | hit rate | TTFT p50 ms | p90 | p99 | requests/s | busiest/mean | idlest/mean |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const mode of names) {
    const it = await run([...warmUp, ...later], mode);
    const ms = [it.p50, it.p90, it.p99].map((value) => value.toFixed(0)).join(" | ");
    console.log(
      `| ${mode} | ${(100 * it.hitRate).toFixed(1)} % | ${ms} | ${it.perSecond.toFixed(1)} | ${it.imbalance.toFixed(2)} | ${it.least.toFixed(2)} |`,
    );
  }
}

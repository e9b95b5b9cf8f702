// A piece of `pnpm soak:disagg`: load on two prefill and two decode workers while both kinds are killed and started again,
// and what must hold when the load is over.
import { fetchPages, flushCache } from "../src/fetch-pages.ts";
import type { Random } from "../src/random.ts";
import { fetchMetrics, waitUntilIdle } from "../src/read-metrics.ts";
import { type Deployment, modelName, vocabSize } from "./deployment.ts";
import { pause } from "./fault.ts";
import { Load, type LoadReport } from "./load.ts";
import type { Question } from "./question.ts";
import { splitRoles } from "./stages.ts";
import { type Sight, WaitWatch } from "./wait-watch.ts";

export interface PieceOptions {
  readonly deployment: Deployment;
  readonly questions: readonly Question[];
  readonly random: Random;
  /** Who is killed when and how: its own, so that the load does not change it. */
  readonly killRandom: Random;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** From one worker's coming back until the next one's end, on average. */
  readonly killEveryMs: number;
}

export interface PieceResult {
  readonly report: LoadReport;
  /** How often workers of each kind were ended how: `prefill SIGKILL`. */
  readonly ends: ReadonlyMap<string, number>;
  /** When: `prefill SIGKILL 12.1-19.5`, seconds from the end until it was there again. */
  readonly restarts: readonly string[];
  /** Seconds of the sending and the end of the answer that was longest without a token. */
  readonly slowest: readonly [sent: number, ended: number, id: string] | null;
  readonly sights: readonly Sight[];
  readonly migrated: number;
  /** Prefills that failed and were done elsewhere. */
  readonly failedPrefills: number;
  /** Of each worker, when all is over: pages that a request or a lease holds, and that are missing to what it began with. */
  readonly pagesHeld: readonly number[];
  readonly pagesMissing: readonly number[];
}

/** An answer that takes longer has been forgotten by somebody. */
const hangMs = 90_000;

export const loadOptions = (
  deployment: Deployment,
  questions: readonly Question[],
  random: Random,
) => ({
  url: () => deployment.url,
  model: modelName,
  ...{ questions, hangMs, random, vocabSize },
});

export async function runPiece(options: PieceOptions): Promise<PieceResult> {
  const { deployment, questions, random, killRandom, ratePerSecond, durationMs, killEveryMs } =
    options;
  const load = new Load({
    ...loadOptions(deployment, questions, random),
    ...{ clientCount: 0, ratePerSecond, leaves: { share: 0.25, mostMs: 3_000 } },
  });
  const migratedBefore = await deployment.migratedCount();
  const failedBefore = await failedPrefills(deployment);
  await load.learn();
  load.start();
  const ends = new Map<string, number>();
  const restarts: string[] = [];
  const beganMs = performance.now();
  const seconds = (atMs = performance.now()) => Number(((atMs - beganMs) / 1000).toFixed(1));
  const watch = new WaitWatch(load, deployment, beganMs);
  const endMs = performance.now() + durationMs;
  for (;;) {
    const waitMs = -Math.log(1 - killRandom()) * killEveryMs;
    if (performance.now() + waitMs > endMs) break;
    await pause(waitMs);
    const index = Math.floor(killRandom() * splitRoles.length);
    const signal = killRandom() < 0.5 ? "SIGKILL" : "SIGTERM";
    const endedSeconds = seconds();
    await deployment.workers[index]!.program.stop(signal);
    await deployment.startWorker(index);
    const end = `${splitRoles[index]} ${signal}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
    restarts.push(`${end} ${endedSeconds}-${seconds()}`);
  }
  await pause(endMs - performance.now());
  const report = await load.stop();
  const sights = await watch.stop();
  await deployment.untilRouted(splitRoles.length);
  const pages = await Promise.all(deployment.workers.map(({ url }) => countPages(url)));
  const slowest = report.answers.toSorted((a, b) => b.longestGapMs - a.longestGapMs)[0];
  return {
    ...{ report, ends, restarts, sights },
    slowest:
      slowest === undefined
        ? null
        : [seconds(slowest.sentAtMs), seconds(slowest.endedAtMs), slowest.id],
    migrated: (await deployment.migratedCount()) - migratedBefore,
    failedPrefills: (await failedPrefills(deployment)) - failedBefore,
    pagesHeld: pages.map(({ held }) => held),
    pagesMissing: pages.map(({ missing }) => missing),
  };
}

/** Nothing runs any more: what is held now, and once the cache is empty. */
async function countPages(url: string): Promise<{ held: number; missing: number }> {
  await waitUntilIdle(url, 15_000).catch(() => {});
  const { used, free, cached } = await fetchPages(url);
  if (used > 0) return { held: used, missing: used };
  await flushCache(url);
  const empty = await fetchPages(url);
  return { held: empty.used, missing: free + cached + used - empty.free };
}

async function failedPrefills(deployment: Deployment): Promise<number> {
  const page = await fetchMetrics(deployment.url);
  const lines = page.matchAll(/^dyn_router_prefill_failures_total\{.*\} (\S+)$/gm);
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Why it does not hold what disaggregation promises; empty: it does. */
export function pieceProblems({ report, pagesHeld, pagesMissing }: PieceResult): string[] {
  const { sent, completed, left, typed, broken, hung, lost, doubled, reasons } = report;
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const wrong = {
    "failed with an error": typed,
    "lost their connection": broken,
    hung,
    "have no end": sent - completed - left - typed - broken - hung,
    "tokens lost": lost,
    "tokens doubled": doubled,
    "pages held": sum(pagesHeld),
    "pages missing": sum(pagesMissing),
  };
  const found = Object.entries(wrong).filter(([, count]) => count !== 0);
  return [
    ...found.map(([what, count]) => `${count} ${what}`),
    ...[...reasons].map(([reason, count]) => `${count} x ${reason}`),
  ];
}

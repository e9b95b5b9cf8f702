// One fault after the other on one stage, each under load of its own.
import type { Random } from "../src/random.ts";
import { waitUntilIdle } from "../src/read-metrics.ts";
import { modelName, vocabSize } from "./deployment.ts";
import { type Fault, type Outcome, pause, type Stage } from "./fault.ts";
import { Load, type LoadReport } from "./load.ts";
import { createQuestions } from "./question.ts";

export interface RunOptions {
  readonly random: Random;
  readonly clientCount: number;
  /** Tokens of each answer. */
  readonly tokenCount: number;
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** An answer that takes longer has been forgotten by somebody. */
const hangMs = 90_000;
const warmMs = 1_500;
const settleMs = 2_000;

export async function runFaults<S extends Stage>(
  stage: S,
  faults: readonly Fault<S>[],
  options: RunOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const fault of faults) {
    const outcome = await runFault(stage, fault, options);
    if (outcome === null) continue;
    outcomes.push(outcome);
    options.onOutcome?.(outcome);
  }
  return outcomes;
}

async function runFault<S extends Stage>(
  stage: S,
  fault: Fault<S>,
  { random, clientCount, tokenCount }: RunOptions,
): Promise<Outcome | null> {
  const { deployment } = stage;
  const load = new Load({
    url: () => deployment.url,
    model: modelName,
    questions: createQuestions(12, tokenCount, vocabSize, random),
    ...{ clientCount, hangMs, random, vocabSize },
  });
  await load.learn();
  const migratedBefore = await deployment.migratedCount();
  load.start();
  await pause(warmMs);
  const beganAtMs = performance.now();
  const injected = await fault.inject({ stage, random });
  await pause(settleMs);
  const report = await load.stop();
  if (injected === null) return null;
  const workerCount = deployment.workers.length;
  await deployment.untilRouted(workerCount);
  // Whatever happened, no page of anybody's cache is held by a request that is over.
  await Promise.all(deployment.workers.map(({ url }) => waitUntilIdle(url, 30_000)));
  return {
    fault: fault.name,
    means: injected.means,
    sent: report.sent,
    completed: report.completed,
    migrated: (await deployment.migratedCount()) - migratedBefore,
    typed: report.typed,
    broken: report.broken,
    hung: report.hung,
    lost: report.lost,
    doubled: report.doubled,
    tokenCount: report.tokenCount,
    recoverySeconds: recoverySeconds(report, beganAtMs),
    discoverySeconds: injected.discoverySeconds ?? null,
    reasons: [...report.reasons].map(([reason, count]) => `${count} x ${reason}`),
  };
}

function recoverySeconds({ answers }: LoadReport, beganAtMs: number): number {
  const touched = answers.filter(({ endedAtMs }) => endedAtMs >= beganAtMs);
  const waitsMs = touched.map((answer) =>
    answer.failure === null ? answer.longestGapMs : answer.endedAtMs - beganAtMs,
  );
  return Math.max(0, ...waitsMs) / 1000;
}

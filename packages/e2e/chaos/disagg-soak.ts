// `pnpm soak:disagg [minutes] [seed]`: 60 % of what two prefill and two decode workers can do, chats and long prompts, a
// quarter of the clients leaving at some point, workers of both kinds ended by SIGKILL and SIGTERM. In pieces, before each
// of which it is measured what they can do; after each nothing may hang, be lost or be held.
import { createRandom } from "../src/random.ts";
import { vocabSize } from "./deployment.ts";
import { loadOptions, type PieceResult, pieceProblems, runPiece } from "./disagg-piece.ts";
import { pause } from "./fault.ts";
import { keepLogs } from "./keep-logs.ts";
import { Load } from "./load.ts";
import { createQuestions, type Question } from "./question.ts";
import { startSplitStage } from "./stages.ts";

const minutes = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? 1);
const random = createRandom(seed);
const killRandom = createRandom(seed + 1);
const pieceMinutes = 2;
const loadShare = 0.6;
const capacityMs = 10_000;
const killEveryMs = 8_000;
const longTokens = 400;
const answerTokens = 48;

const stage = await startSplitStage();
const { deployment } = stage;

/** Requests per second of as many clients as it takes to be busy all the time. */
async function measureCapacity(questions: readonly Question[]): Promise<number> {
  const load = new Load({ ...loadOptions(deployment, questions, random), clientCount: 48 });
  await load.learn();
  load.start();
  await pause(capacityMs);
  const { completed } = load.report;
  await load.stop();
  return completed / (capacityMs / 1000);
}

function tell(piece: number, ratePerSecond: number, result: PieceResult): void {
  const { report, restarts, slowest, pagesHeld, pagesMissing, migrated, failedPrefills } = result;
  const { sent, completed, left, typed, broken, hung, lost, doubled, answers } = report;
  const gapsMs = answers.map(({ longestGapMs }) => longestGapMs).toSorted((a, b) => a - b);
  const gapSeconds = (share: number) =>
    Number(((gapsMs[Math.floor(share * (gapsMs.length - 1))] ?? 0) / 1000).toFixed(1));
  console.log(
    JSON.stringify({
      ...{ piece, ratePerSecond: Number(ratePerSecond.toFixed(1)) },
      ...{ sent, completed, left, migrated, failedPrefills, typed, broken, hung },
      ...{ lost, doubled, pagesHeld, pagesMissing },
      restarts,
      longestGapSeconds: { p50: gapSeconds(0.5), p99: gapSeconds(0.99), most: gapSeconds(1) },
      slowest,
    }),
  );
}

const total = new Map<string, number>();
const count = (what: string, by: number) => total.set(what, (total.get(what) ?? 0) + by);
let isBad = false;
try {
  for (let piece = 1; piece <= Math.ceil(minutes / pieceMinutes); piece++) {
    const questions = createQuestions(24, answerTokens, vocabSize, random, longTokens);
    const ratePerSecond = (await measureCapacity(questions)) * loadShare;
    const durationMs = Math.min(pieceMinutes, minutes) * 60_000;
    const result = await runPiece({
      ...{ deployment, questions, random, killRandom, ratePerSecond, durationMs, killEveryMs },
    });
    tell(piece, ratePerSecond, result);
    for (const sight of result.sights) console.log(`  ${JSON.stringify(sight)}`);
    if (result.sights.length > 0) console.log(`  logs: ${keepLogs(deployment)}`);
    const problems = pieceProblems(result);
    for (const problem of problems) console.log(`  ${problem}`);
    isBad ||= problems.length > 0;
    const { report, migrated, failedPrefills, pagesHeld, pagesMissing } = result;
    const { sent, completed, left, typed, broken, hung, lost, doubled, tokenCount } = report;
    const counts = { sent, completed, left, typed, broken, hung, lost, doubled, tokenCount };
    for (const [name, value] of Object.entries({ ...counts, migrated, failedPrefills })) {
      count(name, value);
    }
    for (const [end, times] of result.ends) count(end, times);
    for (const pages of pagesHeld) count("pagesHeld", pages);
    for (const pages of pagesMissing) count("pagesMissing", pages);
  }
  console.log(JSON.stringify({ minutes, ...Object.fromEntries(total) }, null, 2));
} finally {
  await stage.close();
}
process.exitCode = isBad ? 1 : 0;

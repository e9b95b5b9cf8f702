// `pnpm soak [minutes] [seed]`: 60 % of what the deployment can do, a worker restarted each minute, now in order, now by
// SIGKILL. Nothing may hang or be lost; the memory of the frontend is followed.
import { readFileSync } from "node:fs";
import { createRandom } from "../src/random.ts";
import { waitUntilIdle } from "../src/read-metrics.ts";
import { modelName, vocabSize } from "./deployment.ts";
import { pause } from "./fault.ts";
import { Load, type LoadReport } from "./load.ts";
import { createQuestions } from "./question.ts";
import { startFileStage } from "./stages.ts";

const minutes = Number(process.argv[2] ?? 30);
const random = createRandom(Number(process.argv[3] ?? 1));
const loadShare = 0.6;
const capacityMs = 15_000;
const capacityClients = 48;
const sampleMs = 5_000;
const hangMs = 90_000;

const stage = await startFileStage({ isProxied: false });
const { deployment } = stage;
const options = {
  url: () => deployment.url,
  model: modelName,
  questions: createQuestions(24, 64, vocabSize, random),
  ...{ hangMs, random, vocabSize },
};

/** Requests per second of as many clients as it takes to be busy all the time. */
async function measureCapacity(): Promise<number> {
  const load = new Load({ ...options, clientCount: capacityClients });
  await load.learn();
  load.start();
  await pause(capacityMs);
  const { completed } = load.report;
  await load.stop();
  return completed / (capacityMs / 1000);
}

/** VmRSS, which only Linux tells this way. */
function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** Least squares, per hour. */
function slopePerHour(samples: readonly { atMs: number; mb: number }[]): number {
  const count = samples.length;
  const meanMs = samples.reduce((sum, { atMs }) => sum + atMs, 0) / count;
  const meanMb = samples.reduce((sum, { mb }) => sum + mb, 0) / count;
  let along = 0;
  let spread = 0;
  for (const { atMs, mb } of samples) {
    along += (atMs - meanMs) * (mb - meanMb);
    spread += (atMs - meanMs) ** 2;
  }
  return (along / spread) * 3_600_000;
}

/** The least sample of each minute. */
function minimaOf(samples: readonly { atMs: number; mb: number }[]) {
  const byMinute = new Map<number, { atMs: number; mb: number }>();
  for (const sample of samples) {
    const minute = Math.floor(sample.atMs / 60_000);
    const least = byMinute.get(minute);
    if (least === undefined || sample.mb < least.mb) byMinute.set(minute, sample);
  }
  return [...byMinute.values()];
}

function counts({ answers: _, reasons, ...numbers }: LoadReport) {
  return { ...numbers, reasons: Object.fromEntries(reasons) };
}

let isBad = true;
try {
  const capacity = await measureCapacity();
  const ratePerSecond = capacity * loadShare;
  console.log(
    `capacity ${capacity.toFixed(1)} requests/s of 64 tokens or twice that; ${ratePerSecond.toFixed(1)} from now on for ${minutes} minutes`,
  );
  const load = new Load({ ...options, clientCount: 0, ratePerSecond });
  await load.learn();
  const pid = deployment.frontend.process.pid!;
  const samples: { atMs: number; mb: number }[] = [];
  const sampling = setInterval(() => {
    samples.push({ atMs: performance.now(), mb: residentMb(pid) });
  }, sampleMs);
  load.start();
  const endMs = performance.now() + minutes * 60_000;
  for (let restart = 0; performance.now() < endMs; restart++) {
    await pause(Math.min(60_000, endMs - performance.now()));
    const index = restart % deployment.workers.length;
    const signal = restart % 4 < 2 ? "SIGTERM" : "SIGKILL";
    await deployment.workers[index]!.program.stop(signal);
    await deployment.startWorker(index);
    const { sent, completed, hung, lost, doubled } = load.report;
    console.log(
      JSON.stringify({
        minute: restart + 1,
        restarted: `worker ${index} by ${signal}`,
        ...{ sent, completed, hung, lost, doubled },
        migrated: await deployment.migratedCount(),
        frontendRssMb: Math.round(samples.at(-1)?.mb ?? 0),
      }),
    );
  }
  const report = await load.stop();
  clearInterval(sampling);
  await Promise.all(deployment.workers.map(({ url }) => waitUntilIdle(url, 30_000)));
  // While caches and the heap fill up memory grows for good reasons.
  const settled = samples.slice(Math.floor(samples.length / 3));
  const result = {
    minutes,
    ratePerSecond: Number(ratePerSecond.toFixed(1)),
    ...counts(report),
    migrated: await deployment.migratedCount(),
    longestGapSeconds: Number(
      (Math.max(...report.answers.map(({ longestGapMs }) => longestGapMs)) / 1000).toFixed(1),
    ),
    frontendRssMb: {
      first: Math.round(samples[0]?.mb ?? 0),
      last: Math.round(samples.at(-1)?.mb ?? 0),
      most: Math.round(Math.max(...samples.map(({ mb }) => mb))),
      slopePerHour: Math.round(slopePerHour(settled)),
      // What garbage collection leaves: the saw's lower edge.
      slopePerHourOfMinima: Math.round(slopePerHour(minimaOf(settled))),
    },
  };
  console.log(JSON.stringify(result, null, 2));
  isBad = report.completed !== report.sent || report.lost + report.doubled > 0;
} finally {
  await stage.close();
}
process.exitCode = isBad ? 1 : 0;

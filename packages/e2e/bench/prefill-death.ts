// `node --conditions=@dyn/source --import tsx packages/e2e/bench/prefill-death.ts [kills] [seed] [workers]`: a prefill
// worker is killed in the middle of a prompt. How long until the prompt is with somebody else, and until its first token; how long an answer
// that was being written then went without one. With another prefill worker there, and with none.
import { complete, Deployment, untilListed } from "../src/deployment.ts";
import { createRandom } from "../src/random.ts";
import { fetchEngineLoad } from "../src/read-metrics.ts";
import { tokenTimes } from "../src/token-times.ts";

const kills = Number(process.argv[2] ?? 20);
const random = createRandom(Number(process.argv[3] ?? 1));
/** How many prefill workers there are, one run for each. */
const prefillCounts = (process.argv[4] ?? "2,1").split(",").map(Number);
const usPerToken = 1_000;
const chunkTokens = 64;
const engine = [
  ...["--mock-prefill-us-per-token", `${usPerToken}`, "--chunked-prefill-size", `${chunkTokens}`],
  ...["--mock-kv-bytes-per-token", "4096", "--mock-decode-ms-per-step", "10"],
];

interface Kill {
  /** Until the prompt was with another worker; `null`: the decode worker had it already and went on by itself. */
  readonly dispatchMs: number;
  readonly firstTokenMs: number;
  /** What the same prompt takes when nobody dies. */
  readonly undisturbedMs: number;
  /** The longest time that the answer beside it went without a token from then on. */
  readonly gapMs: number;
}

const pause = (forMs: number) => new Promise((resolve) => setTimeout(resolve, forMs));

async function firstTokenAt(url: string, prompt: string): Promise<number> {
  let first: number | null = null;
  for await (const { atMs } of tokenTimes(url, prompt, 4)) first ??= atMs;
  if (first === null) throw new Error("No token came.");
  return first;
}

interface Decision {
  readonly at: string;
  readonly flow: string;
  readonly reason: string;
}

async function decisions(url: string): Promise<Decision[]> {
  const answer = await fetch(`${url}/debug/routing`);
  const { prefill } = (await answer.json()) as { prefill: { decisions: Decision[] }[] };
  return prefill.flatMap((model) => model.decisions);
}

async function measure(prefillCount: number): Promise<Kill[]> {
  const deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
  try {
    const url = (await deployment.startFrontend()).ready;
    await deployment.startWorker(["--disaggregation-mode", "decode", ...engine]);
    const startPrefill = () =>
      deployment.startWorker(["--disaggregation-mode", "prefill", ...engine]);
    const workers = await Promise.all(Array.from({ length: prefillCount }, startPrefill));
    await untilListed(url, "tiny");
    const done: Kill[] = [];
    for (let round = 0; done.length < kills; round++) {
      await untilPooled(url);
      const topic = (name: string) => `${round} ${name} ${"and so on. ".repeat(150)}`;
      const begunMs = Date.now();
      const undisturbedMs = (await firstTokenAt(url, topic("alone"))) - begunMs;
      const beside: number[] = [];
      const besideOver = (async () => {
        for await (const { atMs } of tokenTimes(url, `${round}`, 250)) beside.push(atMs);
      })();
      while (beside.length === 0) await pause(5);
      const answer = firstTokenAt(url, topic("killed"));
      // Anywhere in the prompt, which takes half a second or more.
      await pause(50 + random() * 250);
      const loads = await Promise.all(workers.map((it) => fetchEngineLoad(it.systemUrl!)));
      const busy = loads.findIndex(({ running }) => running > 0);
      if (busy >= 0) {
        const killedMs = Date.now();
        await workers[busy]!.stop("SIGKILL");
        const firstMs = await answer;
        await besideOver;
        const next = (await decisions(url)).find((it) => Date.parse(it.at) >= killedMs);
        const gaps = beside
          .slice(1)
          .map((atMs, i) => (atMs >= killedMs ? atMs - Math.max(beside[i]!, killedMs) : 0));
        if (next !== undefined) {
          done.push({
            dispatchMs: Date.parse(next.at) - killedMs,
            firstTokenMs: firstMs - killedMs,
            undisturbedMs,
            gapMs: Math.max(0, ...gaps),
          });
        } else console.log("the prompt had been handed over when its worker was killed");
        workers[busy] = await startPrefill();
      }
      await Promise.all([answer, besideOver]);
    }
    return done;
  } finally {
    await deployment.close();
  }
}

/** All workers that are there take prompts. */
async function untilPooled(url: string): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await pause(50)) {
    await complete(url, "Hello", 1);
    const [last] = await decisions(url);
    if (last?.reason === "pool") return;
  }
  throw new Error("No prefill worker took a prompt in half a minute.");
}

function distribution(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return [sorted[0]!, at(0.5), at(0.9), sorted.at(-1)!].map((it) => Math.round(it)).join(" / ");
}

console.log("least / p50 / p90 / most, in ms");
for (const prefillCount of prefillCounts) {
  const done = await measure(prefillCount);
  const over = done.map(({ firstTokenMs, undisturbedMs }) => firstTokenMs - undisturbedMs);
  console.log(
    `${prefillCount > 1 ? "another prefill worker" : "no other prefill worker"}, ${done.length} kills`,
  );
  console.log(
    `  until the prompt is with somebody else: ${distribution(done.map((it) => it.dispatchMs))}`,
  );
  console.log(`  until its first token: ${distribution(done.map((it) => it.firstTokenMs))}`);
  console.log(`  the same prompt undisturbed: ${distribution(done.map((it) => it.undisturbedMs))}`);
  console.log(`  kill to first token, beyond that: ${distribution(over)}`);
  console.log(`  longest gap of the answer beside it: ${distribution(done.map((it) => it.gapMs))}`);
}

// `node --conditions=@dyn/source --import tsx packages/e2e/bench/silent-worker.ts [file|etcd] [case]...`: a worker is stopped
// (SIGSTOP) under six requests and goes on later. How long the requests are without a token, how long others are still sent
// there, what is left over afterwards, and whether the worker serves again.
import { fileURLToPath } from "node:url";
import { EtcdServer } from "@dyn/testing";
import { complete, Deployment, untilListed } from "../src/deployment.ts";
import { flushCache } from "../src/fetch-pages.ts";
import { fetchEngineLoad, fetchMetrics, readMetric, waitUntilIdle } from "../src/read-metrics.ts";
import { tokenTimes } from "../src/token-times.ts";

type Role = "agg" | "prefill" | "decode";
type Worker = Awaited<ReturnType<Deployment["startWorker"]>>;

interface Case {
  readonly roles: readonly Role[];
  /** Index of who is stopped, and when: before the requests are sent, in their prompts, in their answers. */
  readonly victim: number;
  readonly moment: "before" | "prompt" | "answer";
  /** The prefill workers' cards do not say where they can be met. */
  readonly isPrefillFirst?: true;
}

const pair = { roles: ["prefill", "prefill", "decode"], victim: 0 } as const;
const cases: Readonly<Record<string, Case>> = {
  aggregated: { roles: ["agg", "agg"], victim: 0, moment: "answer" },
  "aggregated-before": { roles: ["agg", "agg"], victim: 0, moment: "before" },
  decode: { roles: ["prefill", "decode", "decode"], victim: 1, moment: "answer" },
  "prefill-before": { ...pair, moment: "before" },
  "prefill-prompt": { ...pair, moment: "prompt" },
  "prefill-alone": { roles: ["prefill", "decode"], victim: 0, moment: "prompt" },
  "prefill-first-before": { ...pair, moment: "before", isPrefillFirst: true },
  "prefill-first-prompt": { ...pair, moment: "prompt", isPrefillFirst: true },
};

const requestCount = 6;
/** A probe that took longer was sent to the stopped worker. */
const stalledMs = 1_000;
const probeEveryMs = 250;
const engine = [
  ...["--mock-prefill-us-per-token", "1000", "--chunked-prefill-size", "64"],
  ...["--mock-kv-bytes-per-token", "4096", "--mock-decode-ms-per-step", "20"],
];
const hiding = new URL("../test/preload/hide-bootstrap.mjs", import.meta.url);

const pause = (forMs: number) => new Promise((resolve) => setTimeout(resolve, forMs));
const seconds = (ms: number) => Math.round(ms / 100) / 10;

async function run(name: string, it: Case, env: Record<string, string>, stoppedMs: number) {
  const deployment = new Deployment({ DYN_SYSTEM_PORT: "0", ...env });
  let victim: Worker | null = null;
  try {
    const url = (await deployment.startFrontend(["--migration-limit", "3"])).ready;
    const workers = await Promise.all(
      it.roles.map((role) => {
        const mode = role === "agg" ? [] : ["--disaggregation-mode", role];
        const isHiding = it.isPrefillFirst === true && role === "prefill";
        const options = isHiding ? { NODE_OPTIONS: `--import ${fileURLToPath(hiding)}` } : {};
        return deployment.startWorker([...mode, ...engine], options);
      }),
    );
    victim = workers[it.victim]!;
    await untilListed(url, "tiny");
    await untilTaken(url, workers, requestCount);
    const isLong = it.moment === "answer";
    const prompts = Array.from(
      { length: requestCount },
      (_, i) => `${i} ${"and so on. ".repeat(isLong ? 4 : 120)}`,
    );
    const tokenCount = isLong ? 300 : 40;
    const whole: string[] = [];
    for (const prompt of prompts) whole.push((await complete(url, prompt, tokenCount)).text ?? "");
    await Promise.all(workers.map(({ systemUrl }) => flushCache(systemUrl!)));

    let stoppedAtMs = 0;
    const stop = () => {
      stoppedAtMs = Date.now();
      victim!.process.kill("SIGSTOP");
    };
    if (it.moment === "before") stop();
    const answers = prompts.map((prompt) => read(url, prompt, tokenCount));
    if (it.moment === "answer") {
      while (answers.some(({ atMs }) => atMs.length === 0)) await pause(5);
      stop();
    } else if (it.moment === "prompt") {
      while ((await fetchEngineLoad(victim.systemUrl!)).running === 0) await pause(5);
      await pause(100);
      stop();
    }
    const probes = await probeUntil(url, stoppedAtMs, stoppedMs);
    await Promise.all(answers.map(({ over }) => over));
    const resumedAtMs = Date.now();
    victim.process.kill("SIGCONT");
    await Promise.all(workers.map(({ systemUrl }) => waitUntilIdle(systemUrl!, 120_000)));
    const idleMs = Date.now() - resumedAtMs;
    const before = await servedCount(victim);
    while ((await servedCount(victim)) <= before) await complete(url, `${Date.now()}`, 1);
    const servesMs = Date.now() - resumedAtMs;

    const gaps = answers.map(({ atMs, sentAtMs }) => longestGap(atMs, sentAtMs, stoppedAtMs));
    const stalled = probes.filter(({ tookMs }) => tookMs > stalledMs);
    console.log(
      JSON.stringify({
        case: name,
        wrong: answers.filter(({ text }, i) => text() !== whole[i]).length,
        errors: answers.flatMap(({ error }) => error() ?? []),
        longestGapS: gaps.map(seconds).toSorted((a, b) => a - b),
        probes: probes.length,
        probesFailed: probes.filter(({ status }) => status !== 200).length,
        probesStalled: stalled.length,
        lastStalledSentS: seconds(Math.max(0, ...stalled.map(({ sentMs }) => sentMs))),
        longestProbeS: seconds(Math.max(0, ...probes.map(({ tookMs }) => tookMs))),
        idleAfterContS: seconds(idleMs),
        servesAfterContS: seconds(servesMs),
      }),
    );
  } finally {
    victim?.process.kill("SIGCONT");
    await deployment.close();
  }
}

function read(url: string, prompt: string, tokenCount: number) {
  const sentAtMs = Date.now();
  const atMs: number[] = [];
  let text = "";
  let error: string | null = null;
  const over = (async () => {
    try {
      for await (const token of tokenTimes(url, prompt, tokenCount)) {
        atMs.push(token.atMs);
        text += token.text;
      }
    } catch (cause) {
      error = String(cause);
    }
  })();
  return { sentAtMs, atMs, over, text: () => text, error: () => error };
}

function longestGap(atMs: readonly number[], sentAtMs: number, stoppedAtMs: number): number {
  const times = [sentAtMs, ...atMs];
  const gaps = times
    .slice(1)
    .map((time, i) => (time < stoppedAtMs ? 0 : time - Math.max(times[i]!, stoppedAtMs)));
  return Math.max(0, ...gaps);
}

async function probeUntil(url: string, stoppedAtMs: number, stoppedMs: number) {
  const probes: Promise<{ sentMs: number; tookMs: number; status: number }>[] = [];
  for (let i = 0; Date.now() < stoppedAtMs + stoppedMs; i++) {
    const sentAtMs = Date.now();
    probes.push(
      complete(url, `probe ${i}`, 1).then(({ status }) => ({
        sentMs: sentAtMs - stoppedAtMs,
        tookMs: Date.now() - sentAtMs,
        status,
      })),
    );
    await pause(probeEveryMs);
  }
  return Promise.all(probes);
}

/** Requests that the worker has ended. */
async function servedCount({ systemUrl }: Worker): Promise<number> {
  return readMetric(await fetchMetrics(systemUrl!), "dynamo_component_requests_total");
}

async function untilTaken(url: string, workers: readonly Worker[], rounds: number): Promise<void> {
  for (const worker of workers) {
    for (const end = Date.now() + 60_000; ; ) {
      for (let i = 0; i < rounds; i++) await complete(url, `${Date.now()} ${i}`, 1);
      const page = await fetchMetrics(worker.systemUrl!);
      if (/^dynamo_component_requests_total\{.*"generate".*\} [1-9]/m.test(page)) break;
      if (Date.now() > end) throw new Error("A worker gets no request.");
    }
  }
}

const [kind = "file", ...names] = process.argv.slice(2);
const etcd = kind === "etcd" ? await EtcdServer.start() : null;
const env: Record<string, string> =
  etcd === null
    ? {}
    : {
        ...{ DYN_DISCOVERY_BACKEND: "etcd", ETCD_ENDPOINTS: etcd.url },
        ...{ DYN_TCP_RPC_HOST: "127.0.0.1", DYN_TCP_RESPONSE_STREAM_HOST: "127.0.0.1" },
      };
try {
  for (const name of names.length > 0 ? names : Object.keys(cases)) {
    await run(name, cases[name]!, env, kind === "etcd" ? 40_000 : 20_000);
  }
} finally {
  await etcd?.close();
}

// Prefill and decode workers as processes: what a client gets is what one worker would have said, whoever dies meanwhile.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askUntilSeen } from "../src/ask-until-seen.ts";
import { complete, Deployment, untilListed, untilRouted } from "../src/deployment.ts";
import { fetchEngineLoad } from "../src/read-metrics.ts";
import { type StartedProgram, startLaunch } from "../src/start-program.ts";

let deployment: Deployment;
let launched: StartedProgram | null = null;
beforeEach(() => {
  deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
});
afterEach(async () => {
  await launched?.stop("SIGKILL");
  launched = null;
  await deployment.close();
});

const prefillWorker = (...more: string[]) =>
  deployment.startWorker(["--disaggregation-mode", "prefill", ...more]);
const decodeWorker = (...more: string[]) =>
  deployment.startWorker(["--disaggregation-mode", "decode", ...more]);

interface Decision {
  readonly flow: string;
  readonly reason: string;
  readonly worker_id: string | null;
  readonly dp_rank: number | null;
}

/** Newest first. */
async function prefillDecisions(url: string): Promise<Decision[]> {
  const answer = await fetch(`${url}/debug/routing`);
  const { prefill } = (await answer.json()) as { prefill: { decisions: Decision[] }[] };
  return prefill.flatMap(({ decisions }) => decisions);
}

async function untilPooled(url: string): Promise<void> {
  await expect
    .poll(async () => {
      await complete(url, "Hello", 1);
      return (await prefillDecisions(url))[0]?.reason;
    })
    .toBe("pool");
}

async function untilIdle(...workers: { readonly systemUrl: string | null }[]): Promise<void> {
  for (const { systemUrl } of workers) {
    await expect
      .poll(() => fetchEngineLoad(systemUrl!))
      .toMatchObject({ running: 0, waiting: 0, pagesUsed: 0 });
  }
}

/** Half a minute for a long prompt, in steps that are short: an engine says how it stands behind each. */
const slowPrefill = ["--mock-prefill-us-per-token", "50000", "--chunked-prefill-size", "16"];
const long = (topic: string) => `${topic} and so on. `.repeat(100);

test("answers are those of one worker that does everything", async () => {
  const url = (await deployment.startFrontend()).ready;
  const alone = await decodeWorker();
  await untilListed(url, "tiny");
  const prompts = ["Once", long("Cats"), long("Dogs")];
  const whole: (string | null)[] = [];
  for (const prompt of prompts) whole.push((await complete(url, prompt, 20)).text);
  expect((await prefillDecisions(url))[0]?.reason).toBe("no-prefill-worker");
  const prefill = await prefillWorker();
  await untilPooled(url);
  for (const [i, prompt] of prompts.entries()) {
    const { status, text, tokenCount } = await complete(url, prompt, 20);
    expect([status, text, tokenCount]).toEqual([200, whole[i], 20]);
  }
  expect((await prefillDecisions(url))[0]).toMatchObject({ flow: "concurrent", reason: "pool" });
  await untilIdle(alone, prefill);
});

test("a prefill worker that dies in the middle of a prompt costs the answer nothing", async () => {
  const url = (await deployment.startFrontend()).ready;
  const decode = await decodeWorker();
  await untilListed(url, "tiny");
  const prompt = long("Birds");
  const { text: whole } = await complete(url, prompt, 10);
  const prefill = await prefillWorker(...slowPrefill);
  await untilPooled(url);
  const { answer } = await askUntilSeen(() => complete(url, prompt, 10), [prefill]);
  await prefill.stop("SIGKILL");
  expect(await answer).toMatchObject({ status: 200, text: whole, tokenCount: 10 });
  expect((await prefillDecisions(url))[0]).toMatchObject({ flow: "local" });
  await untilIdle(decode);
});

test("a decode worker that dies in mid-answer costs the answer nothing", async () => {
  const url = (await deployment.startFrontend(["--migration-limit", "3"])).ready;
  const slow = ["--mock-decode-ms-per-step", "20"];
  const decodes = [await decodeWorker(...slow), await decodeWorker(...slow)];
  const prefill = await prefillWorker();
  await untilRouted(url, 3);
  await untilPooled(url);
  const prompt = long("Fish");
  const ask = () => complete(url, prompt, 100);
  const { text: whole } = await ask();
  const { answer, worker: victim } = await askUntilSeen(ask, decodes);
  await victim.stop("SIGKILL");
  expect(await answer).toMatchObject({ status: 200, text: whole, tokenCount: 100 });
  await untilIdle(prefill, ...decodes.filter((worker) => worker !== victim));
});

test("a client that leaves while its prompt is prefilled frees both workers", async () => {
  const url = (await deployment.startFrontend()).ready;
  const decode = await decodeWorker();
  const prefill = await prefillWorker(...slowPrefill);
  await untilListed(url, "tiny");
  await untilPooled(url);
  const leave = new AbortController();
  const ask = () => complete(url, long("Cows"), 10, { signal: leave.signal });
  const { answer } = await askUntilSeen(ask, [prefill]);
  leave.abort();
  await expect(answer).rejects.toThrow();
  await untilIdle(decode, prefill);
});

test("a prefill whose decode worker cannot take it over ends when the answer has begun", async () => {
  const url = (await deployment.startFrontend()).ready;
  const slow = ["--mock-decode-ms-per-step", "40"];
  const decode = await decodeWorker("--mock-kv-bytes-per-token", "64", ...slow);
  const prefill = await prefillWorker("--mock-kv-bytes-per-token", "128");
  await untilListed(url, "tiny");
  await untilPooled(url);
  const leave = new AbortController();
  const answer = complete(url, long("Owls"), 3_000, { signal: leave.signal });
  const running = async () => (await fetchEngineLoad(decode.systemUrl!)).running;
  await expect.poll(running).toBeGreaterThan(0);
  await untilIdle(prefill);
  expect(await running()).toBeGreaterThan(0);
  leave.abort();
  await expect(answer).rejects.toThrow();
  await untilIdle(decode);
});

test("what a decode worker refuses ends at its prefill worker too", async () => {
  const url = (await deployment.startFrontend()).ready;
  const prefill = await prefillWorker();
  const decode = await decodeWorker("--context-length", "64");
  await untilListed(url, "tiny");
  await untilPooled(url);
  const { status, error } = await complete(url, long("Elks"), 10);
  expect([status, error?.message]).toEqual([400, expect.stringContaining("64")]);
  await untilIdle(prefill, decode);
});

test("prefill and decode workers are chosen by policies of their own", async () => {
  const path = join(deployment.folder, "policy.yaml");
  writeFileSync(
    path,
    `worker_selection:
  prefill: two-tier
  instances:
    - { name: two-tier, type: dynamo-two-tier-cost-fn }
    - { name: mine, type: dyn-profile, parameters: { scorers: [{ type: active-requests }] } }
`,
  );
  const frontend = await deployment.startFrontend([
    ...["--router-mode", "kv", "--router-policy-config", path, "--router-decode-policy", "mine"],
  ]);
  const url = frontend.ready;
  await Promise.all([decodeWorker(), prefillWorker()]);
  await untilListed(url, "tiny");
  await untilPooled(url);
  const answer = await fetch(`${url}/debug/routing`);
  const { models } = (await answer.json()) as {
    models: { endpoint: string; decisions: { policy?: string | null }[] }[];
  };
  const policies = models.map(({ endpoint, decisions }) => [
    endpoint.includes("prefill") ? "prefill" : "decode",
    decisions[0]?.policy,
  ]);
  expect(Object.fromEntries(policies)).toEqual({ prefill: "two-tier", decode: "mine" });
});

test("mode kv: a prompt that a decode worker has mostly cached needs no prefill worker", async () => {
  const url = (
    await deployment.startFrontend(["--router-mode", "kv", "--router-conditional-disagg"])
  ).ready;
  const events = ["--kv-events-config", '{"publisher":"zmq","endpoint":"tcp://*:*"}'];
  const decode = await decodeWorker(...events);
  const prefill = await prefillWorker(...events);
  await untilListed(url, "tiny");
  await untilPooled(url);
  const prompt = long("Bees");
  await complete(url, prompt, 5);
  expect((await prefillDecisions(url))[0]?.reason).toBe("pool");
  await expect
    .poll(async () => {
      await complete(url, `${prompt} And then?`, 5);
      return (await prefillDecisions(url))[0];
    })
    .toMatchObject({ flow: "local", reason: "short", worker_id: null });
  await untilIdle(decode, prefill);
});

test.each([
  ["disagg", 1, 1],
  ["disagg_router", 2, 2],
  ["disagg-dp-attn", 1, 1],
])("dyn launch %s", async (pattern, prefillCount, decodeCount) => {
  launched = await startLaunch([pattern, "--engine", "mock", "--served-model-name", "tiny"]);
  const output = launched.output();
  expect(output.match(/^ +role +prefill, hands over at /gm)).toHaveLength(prefillCount);
  expect(output.match(/^ +role +decode$/gm)).toHaveLength(decodeCount);
  const url = launched.ready;
  await untilPooled(url);
  const texts = new Set<string | null>();
  for (let i = 0; i < 6; i++) texts.add((await complete(url, long("Ants"), 8)).text);
  expect(texts.size).toBe(1);
  await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      expect(await complete(url, long(`Ant ${i}`), 8)).toMatchObject({
        status: 200,
        tokenCount: 8,
      });
    }),
  );
  // Those from before the pair had met are behind them.
  const decisions = (await prefillDecisions(url)).slice(0, 6 + 8);
  expect(decisions.every(({ flow }) => flow === "concurrent")).toBe(true);
  if (pattern === "disagg-dp-attn") {
    expect(new Set(decisions.map(({ dp_rank: rank }) => rank))).toEqual(new Set([0, 1]));
  }
  expect(await launched.stop()).toBe(0);
});

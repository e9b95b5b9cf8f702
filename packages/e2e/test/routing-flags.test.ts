// Routing flags as a user meets them: workers and frontends as processes, and what the frontends then say of their choices.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Deployment, untilListed } from "../src/deployment.ts";
import { fetchMetrics, readMetric } from "../src/read-metrics.ts";
import type { StartedProgram } from "../src/start-program.ts";

const events = ["--kv-events-config", '{"publisher":"zmq","endpoint":"tcp://127.0.0.1:*"}'];
let deployment: Deployment;
/** By their flags: guesses alone, guesses beside events, a profile and a small index. */
let guessing: string;
let predicting: string;
let profiled: StartedProgram;

beforeAll(async () => {
  deployment = new Deployment();
  const policy = join(deployment.folder, "policy.yaml");
  writeFileSync(
    policy,
    `default_policy_family: chat
uncached_isl_buckets: [{ min_tokens: 0, bucket: short }, { min_tokens: 200, bucket: long }]
policy_classes:
  - { name: chat_short, policy_family: chat, cache_bucket: short, prefill_busy_threshold_frac: 4 }
  - { name: chat_long, policy_family: chat, cache_bucket: long, prefill_busy_threshold_frac: 4 }
  - { name: batch_short, policy_family: batch, cache_bucket: short, prefill_busy_threshold_frac: 1 }
  - { name: batch_long, policy_family: batch, cache_bucket: long, prefill_busy_threshold_frac: 1 }
worker_selection:
  aggregated: even
  instances:
    - name: even
      type: dyn-profile
      parameters:
        filters: [{ type: least-loaded, slack: 2 }]
        scorers: [{ type: prefill, weight: 1 }, { type: active-requests, weight: 2 }]
`,
  );
  const kv = ["--router-mode", "kv"];
  const silent = ["--served-model-name", "silent", "--endpoint", "dyn://dynamo.silent.generate"];
  const [one, other, third] = await Promise.all([
    deployment.startFrontend([...kv, "--no-router-kv-events", "--router-ttl-secs", "2"]),
    deployment.startFrontend([...kv, "--router-predicted-ttl-secs", "600"]),
    deployment.startFrontend([
      ...[...kv, "--router-policy-config", policy],
      ...["--router-index-bytes", "64Ki", "--router-event-threads", "8"],
    ]),
    deployment.startWorker(["--page-size", "4", ...events]),
    deployment.startWorker(["--page-size", "4", ...silent]),
  ]);
  guessing = one.ready;
  predicting = other.ready;
  profiled = third;
  for (const { ready } of [one, other, third]) await untilListed(ready, "tiny", "silent");
});
afterAll(() => deployment?.close());

async function ask(
  url: string,
  prompt: string,
  {
    model = "tiny",
    nvext = {},
    headers = {},
  }: {
    model?: string;
    nvext?: Record<string, unknown>;
    headers?: Record<string, string>;
  } = {},
) {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-dyn-routing-debug": "1", ...headers },
    body: JSON.stringify({ model, prompt, max_tokens: 2, ignore_eos: true, nvext }),
  });
  const body = (await answer.json()) as { error?: { message: string } };
  const routing = JSON.parse(answer.headers.get("x-dyn-routing") ?? "{}") as {
    overlap?: number;
    blocks?: number;
  };
  return { status: answer.status, body, ...routing };
}
const onlyAsk = { nvext: { annotations: ["query_instance_id:"] } };
const text = (who: string) =>
  Array.from({ length: 30 }, (_, i) => `${who} has ${i} apples.`).join(" ");

async function decisionsOf(url: string, model: string) {
  const answer = await fetch(`${url}/debug/routing`);
  const { models } = (await answer.json()) as {
    models: {
      model: string;
      mode: string;
      decisions: { policy: string; candidates: { credit: number; device_blocks: number }[] }[];
    }[];
  };
  return models.find((it) => it.model === model)!;
}

test("without events a prompt is believed in for --router-ttl-secs, and no longer", async () => {
  expect(await ask(guessing, text("Ada"))).toMatchObject({ status: 200, overlap: 0 });
  // Twice within the time.
  const share = async () => {
    const { overlap, blocks } = await ask(guessing, text("Ada"));
    return overlap! / blocks!;
  };
  await expect.poll(share).toBeGreaterThan(0.5);
  await expect.poll(async () => (await ask(guessing, text("Ada"), onlyAsk)).overlap).toBe(0);
  expect((await decisionsOf(guessing, "tiny")).mode).toBe("kv-approximate");
});

test("with --router-predicted-ttl-secs a prompt counts where it was sent, also at a worker that tells nothing", async () => {
  const model = "silent";
  expect(await ask(predicting, text("Bob"), { model })).toMatchObject({ status: 200, overlap: 0 });
  const again = await ask(predicting, text("Bob"), { model });
  expect(again.overlap).toBeGreaterThan(again.blocks! / 2);
});

test("a profile of --router-policy-config chooses, and says its name", async () => {
  expect(await ask(profiled.ready, text("Cid"))).toMatchObject({ status: 200 });
  expect((await decisionsOf(profiled.ready, "tiny")).decisions[0]!.policy).toBe("even");
  await expect.poll(() => profiled.output()).toContain("--router-event-threads");
});

test("a request waits in the class of its family, and of what of its prompt nobody has cached", async () => {
  const received = async () => {
    const page = await fetchMetrics(profiled.ready);
    const name = "dynamo_frontend_router_admission_received_total";
    const of = (label: string) => readMetric(page, name, `policy_class="${label}"`, 'model="tiny"');
    return ["chat_short", "chat_long", "batch_short", "batch_long"].map(of);
  };
  const before = await received();
  const batch = { headers: { "x-dynamo-meta-policy-class": "batch" } };
  const unknown = { headers: { "x-dynamo-meta-policy-class": "nobody" } };
  await ask(profiled.ready, text("Fay"), batch);
  await ask(profiled.ready, text("Gus"), unknown);
  await ask(profiled.ready, "Short.", batch);
  const after = await received();
  expect(after.map((count, i) => count - before[i]!)).toEqual([0, 1, 1, 1]);
  // What is cached by now is no long prompt any more.
  await expect
    .poll(async () => {
      await ask(profiled.ready, text("Fay"), batch);
      return (await received())[2]!;
    })
    .toBeGreaterThan(after[2]!);
});

test("a request sets its own weights by nvext.router, and is told which are none", async () => {
  const prompt = text("Dan");
  await ask(predicting, prompt);
  const router = { overlap_score_credit: 0 };
  expect(await ask(predicting, prompt, { nvext: { router } })).toMatchObject({ status: 200 });
  const { decisions } = await decisionsOf(predicting, "tiny");
  const [own, plain] = [decisions[0]!.candidates[0]!, decisions[1]!.candidates[0]!];
  expect(own.device_blocks).toBeGreaterThan(0);
  expect([own.credit, plain.credit]).toEqual([0, plain.device_blocks]);
  const wrong = await ask(predicting, prompt, { nvext: { router: { prefill_load_scale: -1 } } });
  expect(wrong.status).toBe(400);
  expect(wrong.body.error!.message).toMatch(/prefill_load_scale/);
});

test("--router-index-bytes bounds the index: what it forgets is counted", async () => {
  const url = profiled.ready;
  for (let i = 0; i < 20; i++) await ask(url, text(`Number ${i}`));
  await expect
    .poll(async () => readMetric(await fetchMetrics(url), "dyn_router_index_evicted_blocks_total"))
    .toBeGreaterThan(0);
  const page = await fetchMetrics(url);
  const limit = readMetric(page, "dyn_router_index_limit_bytes", 'model="tiny"');
  expect(limit).toBeLessThanOrEqual(65_536);
  const blocks = readMetric(page, "dyn_router_index_blocks", 'model="tiny"');
  expect(blocks).toBeLessThanOrEqual(limit / 64);
});

test("a worker that counts in other blocks is named in /health, in the metrics and in the log", async () => {
  await deployment.startWorker(["--page-size", "8", ...events]);
  const problems = async () => {
    const health = (await (await fetch(`${profiled.ready}/health`)).json()) as {
      routing: { worker_problems: { kind: string }[] }[];
    };
    return health.routing.flatMap((it) => it.worker_problems.map(({ kind }) => kind));
  };
  await ask(profiled.ready, text("Eve"));
  await expect.poll(problems).toContain("block_size_mismatch");
  const page = await fetchMetrics(profiled.ready);
  const name = "dyn_router_worker_problems";
  expect(readMetric(page, name, 'kind="block_size_mismatch"', 'model="tiny"')).toBe(1);
  const told = () => profiled.output().split("counts in blocks of 8 tokens");
  await expect.poll(told).toHaveLength(2);
});

// Dynamo's own SGLang worker, live on the CPU, behind our frontend; and our worker beside it: what each registers, shows
// and answers.
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetchMetrics, readMetric, untilMetric } from "../src/read-metrics.ts";
import {
  ask,
  InteropServers,
  listed,
  MixedDeployment,
  modelDirectory,
} from "./mixed-deployment.ts";
import { callRoute, type RouteCall, readRecords } from "./sglang/look-at-worker.ts";
import {
  kvEventsConfig,
  SglangPeer,
  type SglangWorker,
  sglangPageSize,
  sglangStartTimeoutMs,
} from "./sglang/sglang-peer.ts";

const sglang = await SglangPeer.prepare();

/** One make's worker with a frontend of ours, in discovery of their own. */
interface Side {
  readonly folder: string;
  readonly systemUrl: string;
  readonly client: OpenAI;
}

describe.skipIf(sglang === null)("Dynamo's SGLang worker", () => {
  const servers: InteropServers[] = [];
  const deployments: MixedDeployment[] = [];
  let worker: SglangWorker | null = null;
  let theirs: Side;
  let ours: Side;

  async function open() {
    const place = await InteropServers.start();
    servers.push(place);
    const planes = place.planes("file", "tcp")!;
    const deployment = new MixedDeployment(planes);
    deployments.push(deployment);
    return { folder: place.folder, planes, deployment };
  }

  beforeAll(async () => {
    const [mine, real] = [await open(), await open()];
    const same = ["--page-size", String(sglangPageSize), "--context-length", "1024"];
    const { flags: kvFlags } = await kvEventsConfig();
    worker = await sglang!.startWorker(real.planes, "--context-length", "1024", ...kvFlags);
    const { systemUrl } = await mine.deployment.ourWorker(
      [
        ...same,
        "--max-running-requests",
        "16",
        "--max-total-tokens",
        "2048",
        "--kv-events-config",
      ].concat('{"publisher":"zmq","endpoint":"tcp://*:*","replay_endpoint":"tcp://*:*"}'),
      { DYN_SELF_HOST_METADATA: "1" },
    );
    const kv = ["--router-mode", "kv"];
    ours = { folder: mine.folder, systemUrl, client: await mine.deployment.ourFrontend(...kv) };
    theirs = {
      folder: real.folder,
      systemUrl: worker.systemUrl,
      client: await real.deployment.ourFrontend(...kv),
    };
  }, sglangStartTimeoutMs);
  afterAll(async () => {
    await worker?.stop("SIGKILL");
    for (const deployment of deployments) await deployment.close();
    for (const place of servers) await place.close();
  });

  const questions = ["What is 12 + 30?", "What is 7 + 8?", "What is 50 - 8?", "Hello!"];

  test("says through our frontend what our worker says: text, ends and usage, whole and streamed", async () => {
    for (const { client } of [ours, theirs]) await listed(client).toEqual(["tiny"]);
    const whole = async ({ client }: Side, question: string) => {
      const more = { temperature: 0, max_tokens: 24 };
      const { choices, usage } = await client.chat.completions.create(ask(question, more));
      const { prompt_tokens, completion_tokens } = usage!;
      const [{ message, finish_reason: finish } = choices[0]!] = choices;
      return { content: message.content, finish, prompt_tokens, completion_tokens };
    };
    const streamed = async ({ client }: Side, question: string) => {
      const stream = await client.chat.completions.create({
        ...ask(question, { temperature: 0, max_tokens: 24 }),
        stream: true,
        stream_options: { include_usage: true },
      });
      let [content, finish] = ["", null as string | null];
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        content += chunk.choices[0]?.delta.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
      }
      const { prompt_tokens, completion_tokens } = usage!;
      return { content, finish, prompt_tokens, completion_tokens };
    };
    for (const question of questions) {
      const answer = await whole(theirs, question);
      expect([question, answer]).toEqual([question, await whole(ours, question)]);
      expect([question, await streamed(theirs, question)]).toEqual([question, answer]);
    }
  });

  test("registers what our worker registers, but for what only one of them can", () => {
    const [mine, real] = [readRecords(ours.folder), readRecords(theirs.folder)];
    // LoRA adapters, and a channel for load told by routers of its own, which ours have in the frontend.
    const theirsAlone = /\/(list_loras|load_lora|unload_lora|active_sequences_events)\//;
    expect([...mine.keys()]).toEqual([...real.keys()].filter((key) => !theirsAlone.test(key)));
    for (const [key, record] of mine) {
      expect([key, comparable(record)]).toEqual([key, comparable(real.get(key))]);
    }
  });

  test("is as ready as ours, and answers its engine routes alike", async () => {
    const health = async ({ systemUrl }: Side) => {
      const response = await fetch(`${systemUrl}/health`);
      const { status, endpoints } = (await response.json()) as HealthPage;
      return { code: response.status, status, generate: endpoints.generate };
    };
    const ready = { code: 200, status: "ready", generate: "ready" };
    for (const side of [theirs, ours]) expect(await health(side)).toEqual(ready);
    for (const call of routeCalls) {
      const [mine, real] = [
        await callRoute(ours.systemUrl, call),
        await callRoute(theirs.systemUrl, call),
      ];
      // Each says in its own words what is wrong.
      const isFault = real.status === 500 || real.body.success === false;
      const shown = (answer: typeof mine) =>
        isFault ? { ...answer, body: { ...answer.body, message: "..." } } : answer;
      expect([call, shown(mine)]).toEqual([call, shown(real)]);
      for (const side of call.path === "pause_generation" ? [theirs, ours] : []) {
        expect(await health(side)).toEqual(ready);
      }
    }
    for (const { client } of [ours, theirs]) await listed(client).toEqual(["tiny"]);
  });

  test("what our router believes to be cached there is what the worker reports", async () => {
    const { client } = theirs;
    const prompt = Array.from({ length: 165 }, (_, i) => 300 + ((i * 7) % 900));
    const route = async () => {
      const { data, response } = await client.completions
        .create(
          { model: "tiny", prompt, max_tokens: 3 },
          { headers: { "x-dyn-routing-debug": "1" } },
        )
        .withResponse();
      const { overlap } = JSON.parse(response.headers.get("x-dyn-routing")!) as { overlap: number };
      return [overlap * sglangPageSize, data.usage?.prompt_tokens_details?.cached_tokens ?? 0];
    };
    expect(await route()).toEqual([0, 0]);
    await expect.poll(route, { timeout: 20_000 }).toEqual([160, 160]);
  });

  test("a client that leaves frees the worker, which goes on serving", async () => {
    const { client, systemUrl } = theirs;
    const stream = await client.chat.completions.create({
      ...ask("Count from 1 to 200.", { ignore_eos: true, max_tokens: 900 }),
      stream: true,
    });
    for await (const _ of stream) break;
    expect(
      readMetric(await fetchMetrics(systemUrl), "dynamo_component_inflight_requests", "generate"),
    ).toBe(1);
    stream.controller.abort();
    await untilMetric(systemUrl, "dynamo_component_inflight_requests", (count) => count === 0);
    const answer = await client.chat.completions.create(ask("Hello!", { temperature: 0 }));
    expect(answer.choices[0]?.finish_reason).toBe("stop");
  });

  test("killed in mid-stream it is a typed error, and its model leaves", async () => {
    const { client } = theirs;
    const more = { ignore_eos: true, max_tokens: 900 };
    const stream = await client.chat.completions.create({ ...ask("Count.", more), stream: true });
    const rest = (async () => {
      for await (const _ of stream) await worker!.stop("SIGKILL");
    })();
    await expect(rest).rejects.toThrow(/./);
    await listed(client).toEqual([]);
  });
});

interface HealthPage {
  readonly status: string;
  readonly endpoints: Readonly<Record<string, string>>;
}

/** A second pause, unknown memory tags and routes that only ours has are left out: there ours deliberately does otherwise. */
const routeCalls: readonly RouteCall[] = [
  { path: "unknown", body: {} },
  { path: "pause_generation", body: { mode: "in_place" } },
  { path: "continue_generation", body: {} },
  { path: "pause_generation", body: { mode: "abort" } },
  { path: "continue_generation", body: {} },
  { path: "continue_generation", body: {} },
  { path: "pause_generation", method: "GET" },
  { path: "continue_generation", method: "GET" },
  { path: "control/update_weight_version", body: { new_version: "v2" } },
  { path: "control/update_weight_version", body: {} },
  { path: "control/update_weights_from_disk", body: { model_path: modelDirectory } },
  { path: "control/update_weights_from_disk", body: { model_path: "models/none" } },
  { path: "update/model_taints", body: {} },
  { path: "update/model_taints", body: { taints: "a" } },
  { path: "update/model_taints", body: { taints: ["a"] } },
  { path: "update/model_taints", body: { taints: [] } },
  { path: "release_memory_occupation", body: {} },
  { path: "resume_memory_occupation", body: {} },
];

/** Without what each has of its own: the device it takes itself for, how our processes know each other, and its extras. */
function comparable(record: unknown): unknown {
  return JSON.parse(
    JSON.stringify(record, (key, value) => (ownToOne.has(key) ? undefined : value)),
  );
}

const ownToOne = new Set([
  "device_type",
  "dyn_response_mux",
  // Where decode workers meet it: the reference says so of an aggregated worker too.
  "disaggregated_endpoint",
  // Lets frontends refuse before they send; our workers refuse.
  "token_budget",
  // Tool calls by structural tags, which our frontend makes of the tools itself.
  ...["structural_tag", "structural_tag_mode", "structural_tag_scope", "structural_tag_schema"],
]);

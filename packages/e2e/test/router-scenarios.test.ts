// Scenarios of routing that frontends of the reference are tested by, played with ours: real gateways and workers with mock
// engines in this process, on memory planes, over HTTP.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseFrontendArgs, parseWorkerArgs } from "@dyn/args";
import { type RunningFrontend, startFrontend } from "@dyn/frontend";
import { createBlockHasher } from "@dyn/kv-events";
import { createLogger, parseLogFilter } from "@dyn/logging";
import {
  createMemHub,
  DistributedRuntime,
  type MemHub,
  NatsEventPlane,
  type Planes,
} from "@dyn/runtime";
import { NatsServer } from "@dyn/testing";
import { modelPath } from "@dyn/tiny-models";
import { readTopology, startWorker } from "@dyn/worker";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const blockSize = 16;
const events = '{"publisher":"zmq","endpoint":"tcp://127.0.0.1:*"}';
const logger = createLogger({ target: "test", filter: parseLogFilter("error") });
let hub: MemHub;
let closers: (() => Promise<unknown>)[];
/** Events go over it; `null`: in memory, as all else does. */
let nats: NatsServer | null;
beforeEach(() => {
  hub = createMemHub();
  closers = [];
  nats = null;
});

async function createPlanes(options: { readonly instanceId?: bigint } = {}): Promise<Planes> {
  const planes = hub.createPlanes(options);
  if (nats === null) return planes;
  const eventPlane = await NatsEventPlane.connect({
    servers: [nats.url],
    discovery: planes.discovery,
  });
  return { ...planes, eventPlane };
}
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function run<A>(args: A): Extract<A, { action: "run" }> {
  if ((args as { action: string }).action !== "run") throw new Error("These print something.");
  return args as Extract<A, { action: "run" }>;
}

function worker(id: bigint, ...flags: string[]): Promise<void> {
  return placedWorker(id, {}, ...flags);
}

async function placedWorker(
  id: bigint,
  place: Readonly<Record<string, string>>,
  ...flags: string[]
): Promise<void> {
  const argv = [
    ...["--model-path", modelPath("dyn-tiny-chat"), "--served-model-name", "tiny"],
    ...["--engine", "mock", "--page-size", String(blockSize), "--discovery-backend", "mem"],
    ...["--kv-events-config", events, ...flags],
  ];
  const env = { DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "0", ...place };
  const running = await startWorker({
    args: run(parseWorkerArgs({ argv, env })),
    planes: await createPlanes({ instanceId: id }),
    logger,
    signal: AbortSignal.timeout(60_000),
  });
  closers.push(() => running.drain());
}

async function frontend(...flags: string[]): Promise<RunningFrontend> {
  const mode = flags.includes("--router-mode") ? [] : ["--router-mode", "kv"];
  const argv = ["--discovery-backend", "mem", "--http-host", "127.0.0.1", "--http-port", "0"];
  const running = await startFrontend({
    args: run(parseFrontendArgs({ argv: [...argv, ...mode, ...flags], env: {} })),
    planes: await createPlanes(),
    logger,
  });
  closers.push(() => running.drain());
  await running.gateway.waitForModel("tiny", { signal: AbortSignal.timeout(60_000) });
  return running;
}

interface Asked {
  readonly worker: bigint;
  readonly overlap: number;
  readonly status: number;
  readonly text: string;
}

interface AskOptions {
  readonly signal?: AbortSignal;
  readonly nvext?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly max_tokens?: number;
}

/** A prompt of token ids; what the answer and its routing header say. */
async function ask(
  { url }: RunningFrontend,
  prompt: readonly number[],
  { nvext = {}, headers = {}, signal, ...more }: AskOptions = {},
): Promise<Asked> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    ...(signal === undefined ? {} : { signal }),
    headers: { "content-type": "application/json", "x-dyn-routing-debug": "1", ...headers },
    body: JSON.stringify({
      model: "tiny",
      prompt,
      max_tokens: 1,
      ignore_eos: true,
      nvext: { extra_fields: ["worker_id", "timing"], ...nvext },
      ...more,
    }).replaceAll(/"(\d+)n"/g, "$1"),
  });
  const text = await response.text();
  const routing = JSON.parse(response.headers.get("x-dyn-routing") ?? "{}") as { overlap?: number };
  const worker = BigInt(/"decode_worker_id":(\d+)/.exec(text)?.[1] ?? 0);
  return { worker, overlap: routing.overlap ?? 0, status: response.status, text };
}

interface RoutingPage {
  readonly models: readonly {
    readonly index: { readonly blocks: number };
    readonly active_requests: number;
    readonly sources: readonly { readonly last_event_id: number; readonly worker_id: string }[];
  }[];
}
async function routing({ url }: RunningFrontend): Promise<RoutingPage["models"][0]> {
  const page = (await (await fetch(`${url}/debug/routing`)).json()) as RoutingPage;
  return page.models[0]!;
}
const blocksKnown = (at: RunningFrontend) =>
  expect.poll(async () => (await routing(at)).index.blocks);
const follows = (at: RunningFrontend, count: number) =>
  expect.poll(async () => (await routing(at)).sources.length).toBe(count);

let seed = 7;
/** Ids of plain tokens, the same in every run. */
const block = () =>
  Array.from({ length: blockSize }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return 300 + (seed % 1_000);
  });
const to = (id: bigint) => ({ nvext: { backend_instance_id: `${id}n` } });

test("decision: the deeper prefix wins; where both have as much, both are as good", async () => {
  const [a, b] = [11n, 22n];
  await worker(a);
  await worker(b);
  const front = await frontend();
  await follows(front, 2);
  const [A, B, C, D, E, F, G] = Array.from({ length: 7 }, block) as number[][];
  const join = (...blocks: (number[] | undefined)[]) => blocks.flatMap((it) => it!);
  expect((await ask(front, join(A, B), to(a))).worker).toBe(a);
  expect((await ask(front, join(A, C, D), to(a))).worker).toBe(a);
  expect((await ask(front, join(A, C, E), to(b))).worker).toBe(b);
  await blocksKnown(front).toBe(4 + 3);
  expect(await ask(front, join(A, C, D, F))).toMatchObject({ worker: a, overlap: 3 });
  await blocksKnown(front).toBe(5 + 3);
  // Both hold [A, C]: nobody has more to offer, and the tie is drawn.
  const tie = await ask(front, join(A, C, G), { nvext: { annotations: ["query_instance_id:"] } });
  expect(tie.overlap).toBe(2);
  expect([a, b]).toContain(tie.worker);
  expect((await ask(front, join(A, C, G), to(b))).worker).toBe(b);
  await blocksKnown(front).toBe(5 + 4);
});

describe("sync", () => {
  test("a frontend that starts in the middle knows what the first one knows", async () => {
    await worker(11n);
    await worker(22n);
    const first = await frontend("--serve-indexer");
    await follows(first, 2);
    const prompts = Array.from({ length: 50 }, () => [...block(), ...block().slice(0, 14)]);
    for (const prompt of prompts.slice(0, 25)) await ask(first, prompt);
    const second = await frontend("--serve-indexer");
    for (const prompt of prompts.slice(25)) await ask(first, prompt);
    for (const at of [first, second]) await blocksKnown(at).toBe(50);
    await indexesAgree(prompts);
  });

  /** What each of two frontends says of every prompt, by its own index. */
  async function indexesAgree(prompts: readonly (readonly number[])[]): Promise<void> {
    const asker = new DistributedRuntime(hub.createPlanes());
    closers.push(() => asker.close());
    const endpoint = { namespace: "dynamo", component: "backend", endpoint: "kv_indexer_query" };
    const client = asker.endpoint(endpoint).createClient<unknown, unknown>();
    closers.push(() => client.close());
    const indexers = await client.waitForInstances({
      count: 2,
      signal: AbortSignal.timeout(60_000),
    });
    const hasher = createBlockHasher();
    for (const prompt of prompts) {
      const { localHashes } = hasher.hashTokens(prompt, { blockSize });
      const said: unknown[] = [];
      for (const { instanceId } of indexers) {
        const query = { model_name: "tiny", block_hashes: [...localHashes] };
        for await (const { data } of client.generate(query, { instanceId })) said.push(data);
      }
      expect(said[1]).toEqual(said[0]);
      expect(said[0]).toMatchObject({ TieredScores: { device: { scores: [[{}, 1]] } } });
    }
  }

  test("NATS stops for five seconds under load: what two frontends know is the same afterwards", async ({
    skip,
  }) => {
    nats = await NatsServer.start();
    if (nats === null) {
      console.warn("*** SKIPPED: no nats-server can be had here. ***");
      return skip();
    }
    const server = nats;
    closers.push(() => server.close());
    await worker(11n, "--mock-decode-ms-per-step", "20");
    await worker(22n, "--mock-decode-ms-per-step", "20");
    const flags = ["--serve-indexer", "--router-replica-sync"];
    const fronts = [await frontend(...flags), await frontend(...flags)] as const;
    for (const at of fronts) await follows(at, 2);
    const prompts = Array.from({ length: 60 }, () => [...block(), ...block().slice(0, 14)]);
    const send = (from: number, to: number) =>
      Promise.all(
        prompts.slice(from, to).map((prompt, i) => ask(fronts[i % 2]!, prompt, { max_tokens: 20 })),
      );
    await send(0, 20);
    // Some are under way when it stops, and end while it is away.
    const running = send(20, 30);
    await server.kill();
    const away = new Promise((resolve) => setTimeout(resolve, 5_000));
    const answers = [...(await running), ...(await send(30, 45))];
    await away;
    // Some are under way when it is back.
    const late = send(45, 60);
    await server.resume();
    answers.push(...(await late));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const at of fronts) {
      await expect
        .poll(async () => (await routing(at)).index.blocks, { timeout: 60_000 })
        // Two of the prompt and its answer, beside the first: the last token has no KV.
        .toBe(prompts.length * 3);
      await expect.poll(async () => (await routing(at)).active_requests).toBe(0);
    }
    await indexesAgree(prompts);
  });

  test("frontends that share what they send see one another's requests, and forget them", async () => {
    await worker(11n, "--mock-decode-ms-per-step", "20");
    await worker(22n, "--mock-decode-ms-per-step", "20");
    const [one, two] = [
      await frontend("--router-replica-sync"),
      await frontend("--router-replica-sync"),
    ];
    for (const at of [one, two]) await follows(at, 2);
    const leave = new AbortController();
    const long = ask(one, block(), { ...to(11n), max_tokens: 2_000, signal: leave.signal });
    const left = expect(long).rejects.toThrow();
    await expect.poll(async () => (await routing(two)).active_requests).toBe(1);
    // The other frontend sends its own where the first one did not.
    expect((await ask(two, block())).worker).toBe(22n);
    leave.abort();
    await left;
    for (const at of [one, two]) {
      await expect.poll(async () => (await routing(at)).active_requests).toBe(0);
    }
  });

  test("a frontend that asks another one's index routes as well as that one", async () => {
    await worker(11n);
    await worker(22n);
    const keeper = await frontend("--serve-indexer");
    await follows(keeper, 2);
    const asking = await frontend("--use-remote-indexer");
    const prompt = [...block(), ...block(), ...block()];
    const { worker: home } = await ask(asking, prompt);
    await blocksKnown(keeper).toBe(3);
    await expect.poll(async () => (await ask(asking, prompt)).overlap).toBe(3);
    for (let i = 0; i < 5; i++) {
      expect(await ask(asking, prompt)).toMatchObject({ worker: home, overlap: 3 });
    }
  });
});

describe("overload", () => {
  /** Who answers so many prompts, one after the other. */
  async function workersOf(front: RunningFrontend, count: number): Promise<Set<bigint>> {
    const chosen = new Set<bigint>();
    for (let i = 0; i < count; i++) {
      const { status, worker } = await ask(front, block());
      expect(status).toBe(200);
      chosen.add(worker);
    }
    return chosen;
  }

  /** Reads its first bytes; it runs until `leave`. */
  async function occupy({ url }: RunningFrontend, leave: AbortController, fields: object = {}) {
    const stream = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tiny",
        prompt: block(),
        max_tokens: 2_000,
        ignore_eos: true,
        stream: true,
        nvext: { extra_fields: ["worker_id"] },
        ...fields,
      }),
      signal: leave.signal,
    });
    const { value } = await stream.body!.getReader().read();
    return Buffer.from(value ?? []).toString();
  }

  test.each(["kv", "round-robin"])(
    "in mode %s, when all workers report more than the threshold: 529 at once, and service when they are free",
    async (mode) => {
      await worker(11n, "--mock-decode-ms-per-step", "20");
      const front = await frontend(
        ...["--router-mode", mode, "--active-decode-blocks-threshold", "0.0001"],
      );
      const leave = new AbortController();
      await occupy(front, leave);
      await expect.poll(async () => (await ask(front, block())).status).toBe(529);
      const refused = await ask(front, block());
      expect(JSON.parse(refused.text)).toMatchObject({
        error: { message: expect.stringContaining("overloaded") },
      });
      leave.abort();
      await expect.poll(async () => (await ask(front, block())).status).toBe(200);
    },
  );

  test("in mode round-robin a busy worker is left out, as long as its threshold is set", async () => {
    await worker(11n, "--mock-decode-ms-per-step", "20");
    await worker(22n, "--mock-decode-ms-per-step", "20");
    const front = await frontend("--router-mode", "round-robin");
    await expect.poll(async () => (await workersOf(front, 4)).size).toBe(2);
    const set = async (share: number | null) => {
      const response = await fetch(`${front.url}/busy_threshold`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "tiny", active_decode_blocks_threshold: share }),
      });
      expect(response.status).toBe(200);
    };
    const leave = new AbortController();
    await occupy(front, leave);
    await set(0.0001);
    await expect.poll(async () => (await workersOf(front, 6)).size).toBe(1);
    await set(null);
    expect((await workersOf(front, 6)).size).toBe(2);
    leave.abort();
  });

  test("in mode round-robin prompts that are being computed count, and no longer", async () => {
    await worker(11n, "--mock-prefill-us-per-token", "100000");
    const front = await frontend(
      ...["--router-mode", "round-robin", "--active-prefill-tokens-threshold", "4"],
    );
    const both = await Promise.all([ask(front, block()), ask(front, block())]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 529]);
    expect((await ask(front, block())).status).toBe(200);
  });

  test("without thresholds nothing is refused", async () => {
    await worker(11n, "--mock-decode-ms-per-step", "5");
    const front = await frontend();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => ask(front, block(), { max_tokens: 8 })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  test("thresholds are read and set while it runs", async () => {
    await worker(11n);
    const front = await frontend("--active-decode-blocks-threshold", "0.9");
    const url = `${front.url}/busy_threshold`;
    const row = {
      model: "tiny",
      active_decode_blocks_threshold: 0.9,
      active_prefill_tokens_threshold: null,
      active_prefill_tokens_threshold_frac: null,
    };
    const post = async (body: object) => {
      const headers = { "content-type": "application/json" };
      const init = { method: "POST", headers, body: JSON.stringify({ model: "tiny", ...body }) };
      const response = await fetch(url, init);
      return { status: response.status, body: await response.json() };
    };
    expect(await (await fetch(url)).json()).toEqual({ thresholds: [row] });
    expect(await post({})).toEqual({ status: 200, body: row });
    const next = {
      ...row,
      active_decode_blocks_threshold: 0.5,
      active_prefill_tokens_threshold: 100,
    };
    const change = { active_decode_blocks_threshold: 0.5, active_prefill_tokens_threshold: 100 };
    expect(await post(change)).toEqual({ status: 200, body: next });
    expect(await (await fetch(url)).json()).toEqual({ thresholds: [next] });
    expect((await post({ active_decode_blocks_threshold: 2 })).status).toBe(400);
  });
});

test("query_instance_id names the worker that the request then goes to, and starts nothing", async () => {
  await worker(11n);
  await worker(22n);
  const front = await frontend();
  await follows(front, 2);
  const prompt = [...block(), ...block()];
  const { worker: home } = await ask(front, prompt);
  await blocksKnown(front).toBe(2);
  for (let i = 0; i < 3; i++) {
    const query = await ask(front, prompt, { nvext: { annotations: ["query_instance_id:"] } });
    expect(query).toMatchObject({ status: 200, worker: home });
    expect(JSON.parse(query.text)).toMatchObject({ choices: [{ text: "" }] });
  }
  expect((await routing(front)).active_requests).toBe(0);
  expect((await ask(front, prompt)).worker).toBe(home);
});

test("the page shows each rank, its load and what its cache gave", async () => {
  await worker(11n);
  await worker(22n);
  const front = await frontend("--router-queue-threshold", "1");
  await follows(front, 2);
  const prompt = [...block(), ...block()];
  await ask(front, prompt, { max_tokens: 4 });
  await blocksKnown(front).toBe(2);
  const { worker: home } = await ask(front, prompt, { max_tokens: 4 });
  const read = async () => (await fetch(`${front.url}/metrics`)).text();
  const rank = `worker_id="${home}",dp_rank="0",worker_type="decode"`;
  await expect.poll(read).toContain(`dynamo_frontend_worker_active_decode_blocks{${rank}} 0`);
  await expect.poll(read).toContain(`dynamo_frontend_worker_active_prefill_tokens{${rank}} 0`);
  const page = await read();
  expect(page).toContain(`dynamo_frontend_worker_last_input_sequence_tokens{${rank}} 32`);
  expect(page).toMatch(/dynamo_component_router_worker_registered\{.*router_worker_id="11".*\} 1/);
  expect(page).toMatch(/dynamo_component_router_kv_worker_reused_tokens_total\{.*\} (16|31|32)\n/);
  expect(page).toMatch(/dynamo_component_router_inter_token_latency_seconds_count\{.*\} [1-9]/);
  expect(page).toContain(
    'dynamo_frontend_router_queue_pending_requests{model="tiny",policy_class="default",worker_type="decode"} 0',
  );
});

describe("topology", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "dyn-topology-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const place = (name: string, domains: Readonly<Record<string, string>>) => {
    const path = join(folder, name);
    mkdirSync(path);
    for (const [domain, value] of Object.entries(domains)) {
      writeFileSync(join(path, domain), `${value}\n`);
    }
    return { DYN_TOPOLOGY_ENABLED: "true", DYN_TOPOLOGY_MOUNT_PATH: path };
  };

  test("a request goes where it must, and is refused where nobody may take it", async () => {
    await placedWorker(11n, place("one", { zone: "a", rack: "7" }));
    await placedWorker(22n, place("two", { zone: "b" }));
    const front = await frontend();
    await follows(front, 2);
    const asked = (...required_taints: string[]) =>
      ask(front, block(), { nvext: { routing_constraints: { required_taints } } });
    for (let i = 0; i < 3; i++) {
      expect((await asked("dynamo.topology/zone=a")).worker).toBe(11n);
      expect((await asked("dynamo.topology/zone=b")).worker).toBe(22n);
    }
    expect((await asked("dynamo.topology/zone=c")).status).toBe(503);
  });

  test("a domain without its file stops the start, with the remedy", async () => {
    const env = { ...place("one", { zone: "a" }), DYN_KV_TRANSFER_DOMAIN: "rack" };
    const args = run(parseWorkerArgs({ argv: ["--model-path", "x"], env }));
    const { signal } = new AbortController();
    await expect(readTopology(args, signal, 0)).rejects.toThrow(/no file rack .*\(it has zone\)/);
    writeFileSync(join(folder, "one", "rack"), "7");
    expect(await readTopology(args, signal, 0)).toEqual({
      topologyDomains: { zone: "a", rack: "7" },
      kvTransferDomain: "rack",
      kvTransferEnforcement: "required",
    });
  });
});

test("a session stays with its worker through every frontend that shares", async () => {
  await worker(11n);
  await worker(22n);
  const flags = ["--router-replica-sync", "--router-session-affinity-ttl-secs", "60"];
  const [one, two] = [await frontend(...flags), await frontend(...flags)];
  const session = { headers: { "x-dynamo-session-id": "chat-1" } };
  const { worker: home } = await ask(one, block(), session);
  for (let i = 0; i < 6; i++) {
    expect((await ask(i % 2 === 0 ? two : one, block(), session)).worker).toBe(home);
  }
});

test.each(["device-aware-weighted", "least-loaded", "power-of-two"])(
  "mode %s serves",
  async (mode) => {
    await worker(11n);
    await worker(22n);
    const front = await frontend("--router-mode", mode);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(front, block())));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  },
);

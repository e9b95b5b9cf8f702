// A router's services over memory planes: its three endpoints, an index that is asked from elsewhere, taints from cards, and
// a decision as a span.
import { createBlockHasher, encodeRouterEvents } from "@dyn/kv-events";
import type { EngineOutputItem, ModelCard, PreprocessedRequest } from "@dyn/protocol";
import {
  createKvRoutedClient,
  createKvRouter,
  type DecisionRecord,
  decisionToSpan,
  type KvRoutedClient,
  type RouterObserver,
  type RouterSettings,
  serveIndexer,
  serveRouter,
} from "@dyn/router";
import {
  type Annotated,
  createMemHub,
  DistributedRuntime,
  type MemHub,
  type TraceContext,
} from "@dyn/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const scope = { namespace: "dynamo", component: "backend", endpoint: "generate" };
const blockSize = 4;
const hasher = createBlockHasher();
let hub: MemHub;
let closers: (() => Promise<void>)[];
beforeEach(() => {
  hub = createMemHub();
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

function createRuntime(instanceId?: bigint): DistributedRuntime {
  const runtime = new DistributedRuntime(
    hub.createPlanes(instanceId === undefined ? {} : { instanceId }),
  );
  closers.push(() => runtime.close());
  return runtime;
}

/** Answers two tokens; says by an event what it has, and nothing of it later. */
async function startWorker(
  id: bigint,
  options: {
    cached?: readonly number[];
    host?: readonly number[];
    runtimeConfig?: ModelCard["runtimeConfig"];
  } = {},
): Promise<void> {
  const runtime = createRuntime(id);
  const publisher = await runtime.planes.eventPlane.createPublisher(scope, "kv-events");
  await runtime.planes.discovery.put({
    type: "eventSource",
    scope,
    topic: "kv-events",
    publisherId: publisher.publisherId,
    kvStateEndpoint: scope,
    worker: { workerId: id, dpRank: 0 },
    recoveryTarget: null,
  });
  const served = await runtime
    .endpoint(scope)
    .serve<PreprocessedRequest, EngineOutputItem>(async function* () {
      yield { data: { token_ids: [1] } };
      yield { data: { token_ids: [2], finish_reason: "length" } };
    });
  await served.registerModel({
    displayName: "tiny",
    sourcePath: "/nowhere",
    modelTypes: ["completions"],
    modelInput: "tokens",
    contextLength: 1000,
    kvCacheBlockSize: blockSize,
    endpoint: "dyn://dynamo.backend.generate",
    created: 1,
    ...(options.runtimeConfig === undefined ? {} : { runtimeConfig: options.runtimeConfig }),
  });
  const tiers = [
    ["device", options.cached],
    ["host_pinned", options.host],
  ] as const;
  say.push(() => {
    for (const [i, [storageTier, tokens]] of tiers.entries()) {
      if (tokens === undefined) continue;
      const { localHashes, sequenceHashes } = hasher.hashTokens(tokens, { blockSize });
      const data = {
        type: "stored" as const,
        parentHash: null,
        blockHashes: sequenceHashes,
        tokensHashes: localHashes,
      };
      const event = { workerId: id, dpRank: 0, storageTier, eventId: i + 1, data };
      publisher.publish(encodeRouterEvents([event]));
    }
  });
}
let say: (() => void)[];
beforeEach(() => {
  say = [];
});

async function startRouter(
  settings: Partial<RouterSettings> = {},
  { workers = 2, observer = {} }: { workers?: number; observer?: RouterObserver } = {},
): Promise<{ runtime: DistributedRuntime; client: KvRoutedClient }> {
  const runtime = createRuntime();
  const router = createKvRouter({
    planes: runtime.planes,
    endpoint: scope,
    model: "tiny",
    blockSize,
    settings,
    observer,
    random: () => 0,
  });
  const client = createKvRoutedClient({
    client: runtime.endpoint(scope).createClient<PreprocessedRequest, EngineOutputItem>({}),
    router,
  });
  closers.push(() => client.close());
  await client.ready();
  await expect.poll(() => client.instances.length).toBe(workers);
  await expect.poll(() => router.workers.workerIds.length).toBe(workers);
  if (router.intake !== null) {
    await expect.poll(() => router.intake!.followers.length).toBe(workers);
    for (const tell of say) tell();
  }
  return { runtime, client };
}

async function call<T>(endpoint: string, body: unknown): Promise<Annotated<T>[]> {
  const id = { ...scope, ...parts(endpoint) };
  const caller = createRuntime().endpoint(id).createClient<unknown, T>();
  closers.push(() => caller.close());
  await caller.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  const items: Annotated<T>[] = [];
  for await (const item of caller.generate(body)) items.push(item);
  return items;
}
const parts = (path: string) => {
  const [component, endpoint] = path.split(".") as [string, string];
  return { component, endpoint };
};

const tokens = (from: number, count = 40) => Array.from({ length: count }, (_, i) => from + i);
const request = (
  tokenIds: readonly number[],
  more: Partial<PreprocessedRequest> = {},
): PreprocessedRequest => ({
  model: "tiny",
  token_ids: tokenIds,
  stop_conditions: { max_tokens: 2 },
  sampling_options: {},
  output_options: {},
  eos_token_ids: [],
  annotations: [],
  ...more,
});
async function ask(client: KvRoutedClient, asked: PreprocessedRequest, trace?: TraceContext) {
  let decision: DecisionRecord | undefined;
  const options = {
    ...(trace === undefined ? {} : { trace }),
    onDecision: (record: DecisionRecord) => {
      decision = record;
    },
  };
  for await (const _ of client.generate(asked, options));
  return decision!;
}

describe("a router as a service", () => {
  beforeEach(async () => {
    await startWorker(1n);
    await startWorker(2n ** 63n + 5n, { cached: tokens(0, 24), host: tokens(0, 32) });
    const { runtime, client } = await startRouter();
    await serveRouter({ runtime, namespace: "dynamo", client });
    await expect.poll(() => client.router.index.blockCount).toBe(8);
  });

  test("names the best worker for a bare array of token ids, and refuses a map", async () => {
    expect(await call("router.best_worker_id", tokens(0))).toEqual([{ data: 2n ** 63n + 5n }]);
    await expect(call("router.best_worker_id", { token_ids: tokens(0) })).rejects.toMatchObject({
      status: 400,
    });
  });

  test("says who has how much, those with nothing too", async () => {
    const [item] = await call<{ workers: unknown[] }>("router.get_overlap_scores", {
      token_ids: tokens(0),
    });
    const row = { dp_rank: 0, shared_beyond_device_blocks: null };
    expect(item!.data).toMatchObject({
      block_size: 4,
      num_blocks: 10,
      shared_cache: { enabled: false, total_hit_blocks: 0, ranges: [], error: null },
    });
    expect(item!.data!.workers).toHaveLength(2);
    expect(item!.data!.workers).toEqual(
      expect.arrayContaining([
        {
          ...row,
          worker_id: 2n ** 63n + 5n,
          device_blocks: 6,
          host_pinned_blocks: 8,
          disk_blocks: 8,
          host_pinned_extension_blocks: 2,
          disk_extension_blocks: 0,
        },
        {
          ...row,
          worker_id: 1n,
          device_blocks: 0,
          host_pinned_blocks: 0,
          disk_blocks: 0,
          host_pinned_extension_blocks: 0,
          disk_extension_blocks: 0,
        },
      ]),
    );
    await expect(call("router.get_overlap_scores", { tokens: [1] })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("token_ids"),
    });
  });

  test("sends a request on, with its worker in the first item and its times in the last", async () => {
    const items = await call<EngineOutputItem>("router.generate", {
      model: "tiny",
      token_ids: tokens(0),
    });
    expect(items.map(({ data }) => data!.token_ids)).toEqual([[1], [2]]);
    expect(items[0]!.data!.routing_data).toEqual({
      worker_id: {
        prefill_worker_id: 2n ** 63n + 5n,
        prefill_dp_rank: 0,
        decode_worker_id: 2n ** 63n + 5n,
        decode_dp_rank: 0,
      },
    });
    expect(items[1]!.data!.routing_data).toMatchObject({
      timing: { kv_hit_rate: 0.8, router_queue_depth: 0, prefill_wait_time_ms: 0 },
    });
    const pinned = await call<EngineOutputItem>(
      "router.generate",
      request(tokens(0), { routing: { backend_instance_id: 1 } }),
    );
    expect(pinned[0]!.data!.routing_data).toMatchObject({ worker_id: { decode_worker_id: 1n } });
    await expect(call("router.generate", { model: "tiny" })).rejects.toMatchObject({ status: 400 });
  });
});

describe("an index elsewhere", () => {
  test("decides as one of its own would; without an answer load does, and that is said once", async () => {
    await startWorker(1n);
    await startWorker(2n, { cached: tokens(0, 24) });
    const keeper = await startRouter();
    await expect.poll(() => keeper.client.router.index.blockCount).toBe(6);
    const { router } = keeper.client;
    const unserve = await serveIndexer({ runtime: keeper.runtime, endpoint: scope, router });
    const problems: string[] = [];
    const asking = await startRouter(
      { useRemoteIndexer: true },
      { observer: { problem: (message) => problems.push(message) } },
    );
    await expect.poll(() => asking.client.router.remote!.indexerCount).toBe(1);
    expect(asking.client.router.intake).toBeNull();
    expect(await ask(asking.client, request(tokens(0)))).toMatchObject({
      workerId: 2n,
      overlapBlocks: 6,
    });
    expect(problems).toEqual([]);
    await unserve();
    for (let i = 0; i < 3; i++) {
      expect(await ask(asking.client, request(tokens(0)))).toMatchObject({ overlapBlocks: 0 });
    }
    expect(problems).toEqual([expect.stringContaining("remote indexer")]);
  });

  test("answers in tiers, and a model that it does not know with an error", async () => {
    await startWorker(1n, { cached: tokens(0, 24), host: tokens(0, 32) });
    const { runtime, client } = await startRouter({}, { workers: 1 });
    await serveIndexer({ runtime, endpoint: scope, router: client.router });
    await expect.poll(() => client.router.index.blockCount).toBe(8);
    const { localHashes } = hasher.hashTokens(tokens(0), { blockSize });
    const query = { model_name: "tiny", block_hashes: [...localHashes] };
    const worker = { worker_id: 1n, dp_rank: 0 };
    expect((await call("backend.kv_indexer_query", query))[0]!.data).toEqual({
      TieredScores: {
        device: { scores: [[worker, 6]], frequencies: [] },
        lower_tier: [["host_pinned", { hits: [[worker, 2]] }]],
      },
    });
    const deviceOnly = { ...query, device_only: true };
    expect((await call("backend.kv_indexer_query", deviceOnly))[0]!.data).toMatchObject({
      TieredScores: { lower_tier: [] },
    });
    const unknown = { ...query, model_name: "zz" };
    expect((await call("backend.kv_indexer_query", unknown))[0]!.data).toEqual({
      Error: expect.stringContaining("zz is not registered"),
    });
    await expect(call("backend.kv_indexer_query", { block_hashes: 1 })).rejects.toMatchObject({
      status: 400,
    });
  });
});

test("taints of cards: required ones exclude, preferred ones make cheaper", async () => {
  await startWorker(1n, { runtimeConfig: { topologyDomains: { zone: "a" } } });
  await startWorker(2n, { runtimeConfig: { topologyDomains: { zone: "b" }, taints: ["spot"] } });
  const { client } = await startRouter();
  const constrained = (routing_constraints: object) =>
    ask(client, request(tokens(0), { routing: { routing_constraints } }));
  expect(await constrained({ required_taints: ["dynamo.topology/zone=b"] })).toMatchObject({
    workerId: 2n,
    reason: "only",
  });
  expect(await constrained({ required_taints: ["dynamo.topology/zone=a"] })).toMatchObject({
    workerId: 1n,
  });
  const preferred = await constrained({ preferred_taints: { spot: 1 } });
  expect(preferred.workerId).toBe(2n);
  const [cheap, dear] = preferred.candidates;
  expect(cheap!.logit / dear!.logit).toBeCloseTo(Math.exp(-Math.tanh(1)), 10);
  await expect(
    constrained({ required_taints: ["spot", "dynamo.topology/zone=a"] }),
  ).rejects.toMatchObject({ status: 503, code: "DYN_ROUTER_NO_ELIGIBLE_WORKER" });
});

test("a decision is told with its trace, and is a span of plain values", async () => {
  await startWorker(1n, { cached: tokens(0) });
  await startWorker(2n);
  const told: [DecisionRecord, TraceContext | null][] = [];
  const { client } = await startRouter(
    {},
    { observer: { decided: (...decision) => told.push(decision) } },
  );
  await expect.poll(() => client.router.index.blockCount).toBe(10);
  const trace = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  const record = await ask(client, request(tokens(0)), trace);
  expect(told).toEqual([[record, trace]]);
  const span = decisionToSpan(record);
  expect(span).toMatchObject({
    name: "dyn.router.decide",
    attributes: {
      "dyn.router.policy": "cost",
      "dyn.router.reason": "cost",
      "dyn.router.worker_id": "1",
      "dyn.router.overlap_blocks": 10,
      "dyn.router.candidate_count": 2,
    },
  });
  expect(span.endTimeMs).toBeGreaterThanOrEqual(span.startTimeMs);
  expect(span.events.map(({ attributes }) => attributes["dyn.router.worker_id"])).toEqual([
    "1",
    "2",
  ]);
  const values = [span, ...span.events].flatMap(({ attributes }) => Object.values(attributes));
  for (const value of values) expect(["string", "number"]).toContain(typeof value);
});

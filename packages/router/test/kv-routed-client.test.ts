// A router with workers on memory planes: who is chosen, when, and that the books are empty afterwards.
import {
  createBlockHasher,
  decodeMsgpack,
  encodeKvQueryAnswer,
  encodeRouterEvents,
  encodeWorkerLoad,
  type KvQueryAnswer,
} from "@dyn/kv-events";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import {
  createKvRoutedClient,
  createKvRouter,
  type DecisionRecord,
  defaultQueueSettings,
  type KvRoutedClient,
  type RouterSettings,
} from "@dyn/router";
import { createMemHub, DistributedRuntime, type MemHub } from "@dyn/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const address = "dyn://dynamo.backend.generate";
const scope = { namespace: "dynamo", component: "backend", endpoint: "generate" };
const blockSize = 4;

interface Latch {
  readonly promise: Promise<void>;
  resolve(): void;
}
/** Where a worker's answers wait. */
interface Gate {
  readonly first: Latch;
  readonly last: Latch;
}
function createLatch(): Latch {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
const createGate = (): Gate => ({ first: createLatch(), last: createLatch() });
const hasher = createBlockHasher();

let hub: MemHub;
let closers: (() => Promise<void>)[];
let gates: Map<bigint, Gate>;
let seen: { worker: bigint; request: PreprocessedRequest }[];
beforeEach(() => {
  hub = createMemHub();
  closers = [];
  gates = new Map();
  seen = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

interface Worker {
  readonly runtime: DistributedRuntime;
  /** Tells that it has these tokens cached, as event `id`. */
  store(tokens: readonly number[], id: number): void;
  load(kvUsedBlocks: number): void;
}

async function startWorker(
  id: bigint,
  options: { cached?: readonly number[]; tells?: boolean; dpSize?: number } = {},
): Promise<Worker> {
  const runtime = new DistributedRuntime(hub.createPlanes({ instanceId: id }));
  closers.push(() => runtime.close());
  const { planes } = runtime;
  const toEvent = (tokens: readonly number[], eventId: number) => {
    const { localHashes, sequenceHashes } = hasher.hashTokens(tokens, { blockSize });
    return {
      workerId: id,
      dpRank: 0,
      storageTier: "device" as const,
      eventId,
      data: {
        type: "stored" as const,
        parentHash: null,
        blockHashes: sequenceHashes,
        tokensHashes: localHashes,
      },
    };
  };
  const publisher = await planes.eventPlane.createPublisher(scope, "kv-events");
  const loads = await planes.eventPlane.createPublisher(scope, "kv_metrics");
  if (options.tells ?? true) {
    const query = await runtime
      .endpoint({
        ...scope,
        endpoint: `worker_kv_query_source_${publisher.publisherId.toString(16)}`,
      })
      .serve<unknown, KvQueryAnswer>(async function* () {
        const events = options.cached === undefined ? [] : [toEvent(options.cached, 0)];
        const answer = encodeKvQueryAnswer({ type: "treeDump", events, lastEventId: 0 });
        yield decodeMsgpack(answer) as never;
      });
    const [instance] = (await planes.discovery.list("v1/instances")).flatMap((record) =>
      record.type === "instance" && record.instance.instanceId === id ? [record.instance] : [],
    );
    await planes.discovery.put({
      type: "eventSource",
      scope,
      topic: "kv-events",
      publisherId: publisher.publisherId,
      kvStateEndpoint: scope,
      worker: { workerId: id, dpRank: 0 },
      recoveryTarget: { ...instance!, id: query.id },
    });
  }
  const served = await runtime
    .endpoint(address)
    .serve<PreprocessedRequest, EngineOutputItem>(async function* (request) {
      seen.push({ worker: id, request });
      const gate = gates.get(id);
      await gate?.first.promise;
      yield { data: { token_ids: [1] } };
      await gate?.last.promise;
      yield { data: { token_ids: [2], finish_reason: "length" } };
    });
  await served.registerModel({
    displayName: "tiny",
    sourcePath: "/nowhere",
    modelTypes: ["completions"],
    modelInput: "tokens",
    contextLength: 1000,
    kvCacheBlockSize: blockSize,
    endpoint: address,
    created: 1,
    runtimeConfig: {
      totalKvBlocks: 100,
      maxNumBatchedTokens: 100,
      dataParallelSize: options.dpSize ?? 1,
    },
  });
  return {
    runtime,
    store: (tokens, eventId) => publisher.publish(encodeRouterEvents([toEvent(tokens, eventId)])),
    load: (kvUsedBlocks) =>
      loads.publish(
        encodeWorkerLoad({
          workerId: id,
          dpRank: 0,
          activeDecodeBlocks: null,
          activePrefillTokens: null,
          kvUsedBlocks,
        }),
      ),
  };
}

async function startRouter(
  settings: Partial<RouterSettings> = {},
  workerCount = 2,
): Promise<KvRoutedClient> {
  const runtime = new DistributedRuntime(hub.createPlanes());
  closers.push(() => runtime.close());
  const router = createKvRouter({
    planes: runtime.planes,
    endpoint: scope,
    model: "tiny",
    blockSize,
    settings,
    random: () => 0,
  });
  const client = createKvRoutedClient({
    client: runtime
      .endpoint(address)
      .createClient<PreprocessedRequest, EngineOutputItem>({ mode: "least-loaded" }),
    router,
  });
  closers.push(() => client.close());
  await until(
    () =>
      client.instances.length === workerCount && router.workers.workerIds.length === workerCount,
  );
  await router.intake?.settled();
  return client;
}

const request = (
  tokens: readonly number[],
  more: Partial<PreprocessedRequest> = {},
): PreprocessedRequest => ({
  model: "tiny",
  token_ids: tokens,
  stop_conditions: { max_tokens: 2 },
  sampling_options: {},
  output_options: {},
  eos_token_ids: [],
  annotations: [],
  ...more,
});
const tokens = (from: number, count = 40) => Array.from({ length: count }, (_, i) => from + i);

async function ask(
  client: KvRoutedClient,
  asked: PreprocessedRequest,
  options: { instanceId?: bigint; avoid?: Set<bigint> } = {},
) {
  let decision: DecisionRecord | null = null;
  const items: EngineOutputItem[] = [];
  const stream = client.generate(asked, {
    ...options,
    onDecision: (record) => (decision = record),
  });
  for await (const { data } of stream) if (data !== undefined) items.push(data);
  return { items, decision: decision as DecisionRecord | null };
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Never came true: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("by cached prefixes", () => {
  test("what a worker had before, and what it tells later, decides", async () => {
    await startWorker(1n, { cached: tokens(0, 24) });
    const second = await startWorker(2n, { cached: tokens(0, 8) });
    const client = await startRouter();
    const { decision } = await ask(client, request(tokens(0)));
    expect(decision).toMatchObject({
      workerId: 1n,
      reason: "cost",
      overlapBlocks: 6,
      blockCount: 10,
    });
    // 4 and 8 blocks to prefill, and its 10 in decode at a sixteenth each.
    expect(decision!.candidates.map(({ workerId, logit }) => [workerId, logit])).toEqual([
      [1n, 4.625],
      [2n, 8.625],
    ]);
    expect(seen[0]!.request.routing).toMatchObject({ dp_rank: 0 });
    second.store(tokens(100), 1);
    await until(() => client.router.index.blockCount === 6 + 2 + 10);
    expect((await ask(client, request(tokens(100)))).decision!.workerId).toBe(2n);
    expect(client.router.active.requestCount).toBe(0);
    // Its records go, its blocks too.
    await second.runtime.close();
    await until(() => client.router.index.blockCount === 6);
  });

  test("a salted prompt matches nothing that is not salted", async () => {
    await startWorker(1n, { cached: tokens(0) });
    await startWorker(2n);
    const client = await startRouter();
    const salted = request(tokens(0), { routing: { cache_salt: "tenant-a" } });
    expect((await ask(client, salted)).decision).toMatchObject({ overlapBlocks: 0, tieCount: 2 });
  });

  test("pins, ranks and the avoided hold", async () => {
    await startWorker(1n, { cached: tokens(0) });
    await startWorker(2n, { dpSize: 2 });
    const client = await startRouter();
    const pinned = await ask(client, request(tokens(0), { routing: { dp_rank: 1 } }), {
      instanceId: 2n,
    });
    expect(pinned.decision).toMatchObject({ workerId: 2n, dpRank: 1, reason: "pin" });
    expect(seen.at(-1)!.request.routing!.dp_rank).toBe(1);
    expect(
      (await ask(client, request(tokens(0)), { avoid: new Set([1n]) })).decision!.workerId,
    ).toBe(2n);
    await expect(
      ask(client, request(tokens(0), { routing: { dp_rank: 7 } }), { instanceId: 2n }),
    ).rejects.toMatchObject({ status: 400 });
    await expect(ask(client, request(tokens(0)), { instanceId: 9n })).rejects.toMatchObject({
      code: "DYN_RUNTIME_UNKNOWN_INSTANCE",
    });
  });

  test("a routing query names the worker and asks it nothing", async () => {
    await startWorker(1n, { cached: tokens(0) });
    await startWorker(2n);
    const client = await startRouter();
    const { items, decision } = await ask(
      client,
      request(tokens(0), { annotations: ["query_instance_id:"] }),
    );
    expect(items).toEqual([{ token_ids: [], finish_reason: "stop" }]);
    expect(decision!.workerId).toBe(1n);
    expect(seen).toEqual([]);
    expect(client.router.active.requestCount).toBe(0);
  });

  test("a request may set its own weights", async () => {
    await startWorker(1n, { cached: tokens(0) });
    await startWorker(2n);
    const client = await startRouter();
    const own = request(tokens(0), {
      router_config_override: { overlap_score_credit: 0, router_temperature: 1 },
    });
    expect((await ask(client, own)).decision).toMatchObject({ temperature: 1, overlapBlocks: 0 });
    expect(seen[0]!.request.router_config_override).toBeNull();
  });
});

test("without events a prompt is believed to be where it was sent", async () => {
  await startWorker(1n, { tells: false });
  await startWorker(2n, { tells: false });
  const client = await startRouter({ useKvEvents: false });
  const first = await ask(client, request(tokens(0)));
  const others = await Promise.all([1, 2, 3].map((i) => ask(client, request(tokens(1000 * i)))));
  expect(others).toHaveLength(3);
  expect((await ask(client, request(tokens(0)))).decision).toMatchObject({
    workerId: first.decision!.workerId,
    overlapBlocks: 10,
    mode: "kv-approximate",
  });
});

test("workers above their threshold take nothing; when all are, 529", async () => {
  const workers = [await startWorker(1n, { cached: tokens(0) }), await startWorker(2n)];
  const thresholds = {
    activeDecodeBlocks: 0.5,
    activePrefillTokens: null,
    activePrefillTokensFrac: null,
  };
  const client = await startRouter({ thresholds });
  workers[0]!.load(51);
  await until(() => client.router.reports.get({ workerId: 1n, dpRank: 0 }) !== undefined);
  const moved = await ask(client, request(tokens(0)));
  expect(moved.decision!.workerId).toBe(2n);
  expect(moved.decision!.candidates[0]).toMatchObject({ workerId: 1n, excluded: "busy" });
  await expect(ask(client, request(tokens(0)), { instanceId: 1n })).rejects.toMatchObject({
    status: 529,
  });
  workers[1]!.load(100);
  await until(() => client.router.reports.get({ workerId: 2n, dpRank: 0 }) !== undefined);
  await expect(ask(client, request(tokens(0)))).rejects.toMatchObject({
    status: 529,
    retryable: true,
  });
  client.router.setThresholds({ ...thresholds, activeDecodeBlocks: null });
  expect((await ask(client, request(tokens(0)))).decision!.workerId).toBe(1n);
});

test("requests wait while every worker prefills, short ones first under wspt, and a full queue refuses", async () => {
  const gate = createGate();
  gate.last.resolve();
  gates.set(1n, gate);
  await startWorker(1n);
  const queue = {
    ...defaultQueueSettings,
    policy: "wspt" as const,
    thresholdFrac: 0,
    maxRequestsPerWorker: 2,
  };
  const client = await startRouter({ queue }, 1);
  const running = ask(client, request(tokens(0)));
  await until(() => seen.length === 1);
  const long = ask(client, request(tokens(1000, 80)));
  await until(() => client.router.queue!.depth === 1);
  const short = ask(client, request(tokens(2000, 12)));
  await until(() => client.router.queue!.depth === 2);
  await expect(ask(client, request(tokens(3000)))).rejects.toMatchObject({ status: 529 });
  gate.first.resolve();
  const all = await Promise.all([running, long, short]);
  expect(seen.map(({ request: { token_ids } }) => token_ids.length)).toEqual([40, 12, 80]);
  expect(all[1]!.decision!.queuedMs).toBeGreaterThan(0);
  expect(client.router.active.requestCount).toBe(0);
});

test("prompts that are cached may take a bounded share of the queue", async () => {
  const gate = createGate();
  gate.last.resolve();
  gates.set(1n, gate);
  await startWorker(1n, { cached: tokens(0, 80) });
  const queue = { ...defaultQueueSettings, thresholdFrac: 0, maxCachedTokensPerWorker: 100 };
  const client = await startRouter({ queue }, 1);
  const running = ask(client, request(tokens(1000)));
  await until(() => seen.length === 1);
  const waiting = [ask(client, request(tokens(0, 82))), ask(client, request(tokens(2000, 500)))];
  await until(() => client.router.queue!.depth === 2);
  expect(client.router.queue).toMatchObject({ cachedTokenCount: 80, tokenCount: 582 });
  await expect(ask(client, request(tokens(0, 30)))).rejects.toMatchObject({
    status: 529,
    message: expect.stringContaining("80 cached prompt tokens"),
  });
  gate.first.resolve();
  await Promise.all([running, ...waiting]);
  expect(client.router.queue).toMatchObject({ cachedTokenCount: 0, tokenCount: 0 });
});

test("a session stays with its worker against a better prefix", async () => {
  const workers = [await startWorker(1n), await startWorker(2n)];
  const client = await startRouter({ sessions: { ttlMs: 60_000, mode: "hard" } });
  const session = (from: number) => request(tokens(from), { agent_context: { session_id: "s" } });
  const home = (await ask(client, session(0))).decision!.workerId;
  workers[home === 1n ? 1 : 0]!.store(tokens(500), 1);
  await until(() => client.router.index.blockCount === 10);
  expect((await ask(client, session(500))).decision).toMatchObject({
    workerId: home,
    reason: "session",
  });
  expect((await ask(client, request(tokens(500)))).decision!.workerId).not.toBe(home);
});

test("routers that share what they send see each other's load", async () => {
  await startWorker(1n);
  await startWorker(2n);
  const gate = createGate();
  for (const id of [1n, 2n]) gates.set(id, gate);
  const a = await startRouter({ replicaSync: true });
  const b = await startRouter({ replicaSync: true });
  const first = ask(a, request(tokens(0)));
  await until(() => b.router.active.requestCount === 1 && seen.length === 1);
  const busy = seen[0]!.worker;
  const second = ask(b, request(tokens(1000)));
  await until(() => seen.length === 2);
  expect(seen[1]!.worker).not.toBe(busy);
  gate.first.resolve();
  gate.last.resolve();
  await Promise.all([first, second]);
  await until(() => a.router.active.requestCount === 0 && b.router.active.requestCount === 0);
});

test("a system prompt that one of eight workers has cached does not pile up there", async () => {
  const system = tokens(0, 400);
  const gate = createGate();
  for (let i = 1n; i <= 8n; i++) {
    await startWorker(i, i === 1n ? { cached: system } : {});
    gates.set(i, gate);
  }
  const client = await startRouter({}, 8);
  const asked = Array.from({ length: 160 }, (_, i) =>
    ask(client, request([...system, ...tokens(10_000 + 100 * i, 8)])),
  );
  await until(() => seen.length === 160);
  const counts = Array.from(
    { length: 8 },
    (_, i) => seen.filter(({ worker }) => worker === BigInt(i + 1)).length,
  );
  gate.first.resolve();
  gate.last.resolve();
  await Promise.all(asked);
  // Nobody above twice the mean, nobody without work.
  expect(Math.max(...counts)).toBeLessThanOrEqual(40);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  expect(client.router.active.requestCount).toBe(0);
});

// The indexer as its clients see it: HTTP in, a real publisher's event socket behind it.
import {
  createBlockHasher,
  createKvEventPublisher,
  type KvEventPublisher,
  parseKvEventsConfig,
} from "@dyn/kv-events";
import { createIndexerServer, type IndexerServer, KvIndexer } from "@dyn/kv-indexer";
import { createMetricsRegistry } from "@dyn/metrics";
import { parseJson, stringifyJson } from "@dyn/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const blockSize = 4;
let closers: (() => unknown)[];
let problems: string[];
beforeEach(() => {
  closers = [];
  problems = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

async function startIndexer(): Promise<IndexerServer> {
  const onProblem = (message: string) => problems.push(message);
  const indexer = new KvIndexer({ maxIndexBytes: 2 ** 24, onProblem });
  const metrics = createMetricsRegistry();
  const server = await createIndexerServer({
    indexer,
    metrics,
    host: "127.0.0.1",
    port: 0,
    onProblem,
  });
  closers.push(
    () => indexer.close(),
    () => server.close(),
  );
  return server;
}

async function startEngine(): Promise<KvEventPublisher> {
  const publisher = await createKvEventPublisher({
    config: parseKvEventsConfig({
      publisher: "zmq",
      endpoint: "tcp://127.0.0.1:*",
      replay_endpoint: "tcp://127.0.0.1:*",
    }),
  });
  closers.push(() => publisher.close());
  return publisher;
}

async function call(
  { port }: IndexerServer,
  route: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const [method, path] = route.split(" ") as [string, string];
  const text = typeof body === "string" ? body : stringifyJson(body);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, body: isJson ? parseJson(answer) : answer };
}

let clock = 1;
const tokens = (count: number, from = 1) => Uint32Array.from({ length: count }, (_, i) => from + i);
/** One batch: these tokens from the prompt's start are cached, blocks named 100, 101, ... */
function store(engine: KvEventPublisher, count: number, fromBlock = 0): void {
  const blocks = Math.floor(count / blockSize);
  engine.publish({
    timestamp: clock++,
    events: [
      {
        type: "stored",
        blockHashes: BigInt64Array.from({ length: blocks - fromBlock }, (_, i) =>
          BigInt(100 + fromBlock + i),
        ),
        parentBlockHash: fromBlock === 0 ? null : BigInt(99 + fromBlock),
        tokenIds: tokens(count).slice(fromBlock * blockSize, blocks * blockSize),
        blockSize,
      },
    ],
  });
}
const query = (count: number, more: object = {}) => ({
  token_ids: [...tokens(count)],
  model_name: "m",
  ...more,
});
const engineOf = (engine: KvEventPublisher, more: object = {}) => ({
  instance_id: 1,
  endpoint: engine.endpoint,
  replay_endpoint: engine.replayEndpoint,
  model_name: "m",
  block_size: blockSize,
  ...more,
});
const holds = (worker: string, count: number) => ({
  status: 200,
  body: {
    scores: { [worker]: { 0: count } },
    frequencies: [],
    instances: {
      [worker]: { longest_matched: count, gpu: count, dp: { 0: count }, cpu: count, disk: count },
    },
  },
});
const nothing = { status: 200, body: { scores: {}, frequencies: [], instances: {} } };

test("an engine that joined late, lost batches and grew is known as it is", async () => {
  const [server, engine] = [await startIndexer(), await startEngine()];
  // Before anybody listens: the replay has it, and is asked for although the engine says nothing more.
  store(engine, 12);
  expect(await call(server, "POST /register", engineOf(engine))).toEqual({
    status: 201,
    body: { status: "ok" },
  });
  const known = () => call(server, "POST /query", query(20));
  await expect.poll(known).toEqual(holds("1", 12));
  store(engine, 20, 3);
  await expect.poll(known).toEqual(holds("1", 20));
  // The last block once more: it is taken, and counted as odd.
  store(engine, 20, 4);
  const page = async () => (await call(server, "GET /metrics")).body as string;
  await expect
    .poll(page)
    .toContain('dynamo_kvrouter_kv_cache_event_warnings{warning_kind="duplicate_store"} 1');
  expect(await page()).toMatch(/^dyn_indexer_blocks 5$/m);
  expect(await page()).toMatch(/^dyn_indexer_evicted_blocks_total 0$/m);
  const { localHashes } = createBlockHasher().hashTokens(tokens(20), { blockSize });
  const signed = [...localHashes].map((hash) => BigInt.asIntN(64, hash));
  expect(
    await call(server, "POST /query_by_hash", { block_hashes: signed, model_name: "m" }),
  ).toEqual(holds("1", 20));
  expect(await call(server, "POST /query", query(20, { cache_salt: "t" }))).toEqual(nothing);
  expect(await call(server, "GET /dump")).toEqual({
    status: 200,
    body: {
      "m:default": {
        block_size: 4,
        events: [
          {
            worker_id: 1,
            storage_tier: "device",
            residency_domain: "worker",
            event: {
              event_id: 0,
              data: {
                stored: {
                  parent_hash: null,
                  start_position: null,
                  blocks: Array.from(localHashes, (hash, i) => ({
                    block_hash: 100 + i,
                    tokens_hash: hash,
                    mm_extra_info: null,
                  })),
                },
              },
              dp_rank: 0,
            },
          },
        ],
      },
    },
  });
  engine.publish({ timestamp: clock++, events: [{ type: "cleared" }] });
  await expect
    .poll(() => call(server, "POST /query", query(20)))
    .toMatchObject({ body: { scores: {} } });
  expect(problems).toEqual([]);
});

test("a second indexer takes over what the first one knows", async () => {
  const [first, engine] = [await startIndexer(), await startEngine()];
  const workerId = 2n ** 64n - 3n;
  const registration = engineOf(engine, { instance_id: workerId, replay_endpoint: null });
  await call(first, "POST /register", registration);
  await expect
    .poll(async () => {
      store(engine, 16);
      return (await call(first, "POST /query", query(16))).body;
    })
    .toMatchObject({ scores: { [workerId.toString()]: { 0: 16 } } });
  const second = await startIndexer();
  await call(second, "POST /register", registration);
  const url = `http://127.0.0.1:${first.port}`;
  expect((await call(second, "POST /register_peer", { url })).status).toBe(201);
  expect((await call(second, "GET /peers")).body).toEqual([url]);
  await expect
    .poll(() => call(second, "POST /query", query(16)))
    .toEqual(holds(workerId.toString(), 16));
  expect((await call(second, "POST /deregister_peer", { url })).status).toBe(200);
  expect((await call(second, "POST /deregister_peer", { url })).status).toBe(404);
});

describe("what Dynamo 1.6.1's indexer answers", () => {
  test("to a life of registrations", async () => {
    const [server, engine] = [await startIndexer(), await startEngine()];
    const workers = async () => (await call(server, "GET /workers")).body;
    expect(await workers()).toEqual([]);
    await call(server, "POST /register", engineOf(engine, { dp_rank: 0 }));
    expect(await workers()).toEqual([
      {
        instance_id: 1,
        source: "zmq",
        status: "active",
        model_name: "m",
        routing_group: "default",
        block_size: 4,
        endpoints: { 0: engine.endpoint },
        listeners: { 0: { endpoint: engine.endpoint, status: "active" } },
      },
    ]);
    expect(await call(server, "POST /register", engineOf(engine))).toEqual({
      status: 409,
      body: { error: "instance 1 dp_rank 0 already registered" },
    });
    expect(
      await call(server, "POST /register", engineOf(engine, { instance_id: 2, block_size: 8 })),
    ).toEqual({
      status: 409,
      body: {
        error: "block_size mismatch for model=m routing_group=default: existing=4, requested=8",
      },
    });
    const who = { instance_id: 1, model_name: "m" };
    expect(await call(server, "POST /unregister", who)).toEqual({
      status: 200,
      body: { status: "ok" },
    });
    expect(await workers()).toEqual([]);
    expect(await call(server, "POST /unregister", who)).toEqual({
      status: 404,
      body: { error: "instance 1 not found" },
    });
    const page = (await call(server, "GET /metrics")).body as string;
    expect(page).toContain(
      'dynamo_kvindexer_errors_total{endpoint="/register",status_class="4xx"} 2',
    );
    expect(page).toContain('dynamo_kvindexer_listeners{status="active"} 0');
    expect(page).toContain("dynamo_kvindexer_models 0");
  });

  test.each([
    ["GET /health", undefined, 200, ""],
    ["GET /nope", undefined, 404, ""],
    ["POST /register", {}, 422, "instance_id"],
    ["POST /query", {}, 422, "token_ids"],
    ["POST /query", "{", 422, "no JSON"],
    ["POST /query", { token_ids: [1, -2], model_name: "m" }, 422, "token_ids"],
    [
      "POST /query_by_hash",
      '{"block_hashes":[9223372036854775808],"model_name":"m"}',
      422,
      "block_hashes",
    ],
    ["POST /register_peer", { url: "file:///etc/passwd" }, 422, "url"],
    ["POST /unregister", {}, 422, "instance_id"],
  ])("to %s %j: %i %s", async (route, body, status, text) => {
    const answer = await call(await startIndexer(), route, body);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(text);
  });

  test("to a query for a model that nobody registered", async () => {
    expect(await call(await startIndexer(), "POST /query", query(4, { model_name: "zz" }))).toEqual(
      {
        status: 404,
        body: { error: "no indexer for model=zz routing_group=default" },
      },
    );
  });
});

// What workers' events promise against what their engines find: real engines and relays, of which some events never leave.
import { createMockEngine } from "@dyn/engine";
import { createDecodeHandler } from "@dyn/handlers";
import type { EngineEvent } from "@dyn/kv-events";
import { KvRelay } from "@dyn/kv-relay";
import { createMetricsRegistry } from "@dyn/metrics";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import {
  createKvRoutedClient,
  createKvRouter,
  createRouterMetrics,
  type RouterSettings,
} from "@dyn/router";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import { afterEach, expect, test } from "vitest";

const endpoint = { namespace: "ns", component: "backend", endpoint: "generate" };
const blockSize = 4;
const workerId = 7n;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** One worker of 120 pages, of whose events those pass that `tells` says. */
async function deploy(
  tells: (event: EngineEvent) => boolean,
  settings: Partial<RouterSettings> = {},
) {
  const hub = createMemHub();
  const worker = new DistributedRuntime(hub.createPlanes({ instanceId: workerId }));
  const engine = createMockEngine({
    vocabSize: 97,
    contextLength: 512,
    pageSize: 4,
    pageCount: 120,
  });
  const relay = await KvRelay.open({ runtime: worker, endpoint, blockSize });
  engine.onKvEvents((batch) => relay.publish({ ...batch, events: batch.events.filter(tells) }));
  const served = await worker.endpoint(endpoint).serve(createDecodeHandler({ engine }));
  await served.registerModel({
    displayName: "tiny",
    sourcePath: "/nowhere",
    modelTypes: ["completions"],
    modelInput: "tokens",
    contextLength: 512,
    kvCacheBlockSize: blockSize,
    endpoint: "dyn://ns.backend.generate",
    created: 1,
    runtimeConfig: { totalKvBlocks: 120, maxNumBatchedTokens: 512, dataParallelSize: 1 },
  });
  const runtime = new DistributedRuntime(hub.createPlanes());
  const registry = createMetricsRegistry();
  const warnings: string[] = [];
  const { instanceId } = runtime;
  const metrics = createRouterMetrics(registry, { endpoint, model: "tiny", instanceId });
  const observer = { ...metrics.observer, warned: (message: string) => warnings.push(message) };
  const { planes } = runtime;
  const router = createKvRouter({ planes, endpoint, model: "tiny", blockSize, settings, observer });
  const client = createKvRoutedClient({
    client: runtime.endpoint(endpoint).createClient<PreprocessedRequest, EngineOutputItem>(),
    router,
    onClosed: metrics.watch(router),
  });
  closers.push(
    () => engine.close(),
    () => worker.close(),
    () => runtime.close(),
    () => client.close(),
  );
  await client.ready();
  await expect.poll(() => client.instances.length + router.workers.workerIds.length).toBe(2);
  const applied = () =>
    router.intake?.followers.reduce((sum, { counters }) => sum + counters.appliedEvents, 0) ?? 0;
  return {
    router,
    warnings,
    /** Of a prompt of 40 tokens, for each number. */
    async ask(...prompts: number[]) {
      for (const prompt of prompts) {
        const request: PreprocessedRequest = {
          model: "tiny",
          token_ids: Array.from({ length: 40 }, (_, i) => 6 + ((i * 31 + prompt * 17) % 90)),
          stop_conditions: { max_tokens: 1, ignore_eos: true },
          sampling_options: { temperature: 0 },
          output_options: {},
          eos_token_ids: [],
          annotations: [],
        };
        for await (const _ of client.generate(request));
        // Events leave at the end of a turn: what was just said is known before the next prompt.
        await expect
          .poll(() => (relay.counters.events <= applied() ? "heard" : "late"))
          .toBe("heard");
      }
    },
    problems() {
      router.check();
      return router.problems.map(({ kind }) => kind);
    },
    async read(name: string, label = ""): Promise<number> {
      const { body } = await registry.render();
      const lines = body.split("\n");
      const line = lines.find((it) => it.startsWith(`${name}{`) && it.includes(label));
      return Number(line?.split(" ").at(-1));
    },
  };
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
/** 30 prompts of 10 pages do not fit 120 pages: each comes again when it is gone. */
const rounds = [...range(0, 30), ...range(0, 30), ...range(0, 30)];

test("a worker that tells everything has no drift, whatever it evicts", async () => {
  const { router, warnings, ask, problems, read } = await deploy(() => true);
  await ask(...rounds, ...range(25, 5), ...range(25, 5));
  expect(router.audit.totals).toMatchObject({ requests: 100, overTokens: 0, underTokens: 0 });
  expect(router.audit.totals.cachedTokens).toBeGreaterThan(10 * 32);
  expect(problems()).toEqual([]);
  expect(warnings).toEqual([]);
  expect(await read("dyn_router_audited_requests_total")).toBe(100);
  expect(await read("dyn_router_audit_drift_tokens_total", 'direction="over"')).toBe(0);
});

test("pages that left without a word are promised and not found: said once, and shown until it is well", async () => {
  let isSilent = true;
  const { router, warnings, ask, problems, read } = await deploy(
    ({ type }) => !isSilent || type !== "removed",
  );
  await ask(...rounds);
  expect(problems()).toEqual(["cache_drift"]);
  expect(problems()).toEqual(["cache_drift"]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(
    /^Worker 7 \(7\) rank 0 found \d+ prompt tokens of its last 64 requests/,
  );
  expect(router.audit.totals.underTokens).toBe(0);
  expect(await read("dyn_router_audit_drift_tokens_total", 'direction="over"')).toBe(
    router.audit.totals.overTokens,
  );
  expect(await read("dyn_router_worker_problems", 'kind="cache_drift"')).toBe(1);
  expect(await read("dynamo_component_router_kv_event_source_mismatch_workers")).toBe(0);
  isSilent = false;
  await ask(...Array.from({ length: 128 }, () => 29));
  expect(problems()).toEqual([]);
});

test("pages that nobody told of are found and not promised", async () => {
  const { router, warnings, ask, problems } = await deploy(({ type }) => type !== "stored");
  await ask(...Array.from({ length: 70 }, () => 1));
  expect(router.audit.totals).toMatchObject({ promisedTokens: 0, overTokens: 0 });
  expect(router.audit.totals.underTokens).toBeGreaterThan(60 * 32);
  expect(problems()).toContain("cache_drift");
  expect(warnings.join()).toContain("Events of stored blocks were lost");
});

test("an index that is full forgets, and both its bound and what it forgot are on the page", async () => {
  const { router, ask, read } = await deploy(({ type }) => type !== "removed", {
    indexBytes: 70 * 100,
  });
  await ask(...range(0, 30));
  const { counters, blockCount } = router.index;
  expect(blockCount).toBeLessThanOrEqual(100);
  expect(counters.evictedBlocks).toBeGreaterThan(150);
  expect(await read("dyn_router_index_evicted_blocks_total")).toBe(counters.evictedBlocks);
  expect(await read("dyn_router_index_limit_bytes")).toBe(7000);
  expect(await read("dyn_router_index_blocks")).toBe(blockCount);
});

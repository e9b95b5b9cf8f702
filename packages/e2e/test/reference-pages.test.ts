// Our pages beside those of Dynamo 1.6.1 over SGLang 0.5.21, process by process: the same families, types, labels and
// bounds, or a reason why not. The fixture holds what its pages show, read from running processes.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { complete, Deployment, untilListed } from "../src/deployment.ts";
import { metricDifferencesPage } from "../src/metric-differences-page.ts";
import { type MetricFamily, readFamilies, type ShownFamily } from "../src/metric-families.ts";
import { type Excuse, excuses, oursAlone, silentUntilUsed } from "../src/page-differences.ts";
import { fetchMetrics, readMetric, untilMetric } from "../src/read-metrics.ts";

type PageName =
  | "frontend"
  | "router"
  | "indexer"
  | "aggregated"
  | "prefill"
  | "decode"
  | "embedding";
const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const recorded: Readonly<Record<PageName, readonly MetricFamily[]>> = {
  ...read("./fixtures/reference-pages.json"),
  aggregated: read("../../metrics/test/fixtures/worker-page.json").families,
};
/** Of a parallel engine's processes: ours is one. `service`: the component's name once more. */
const notOurs = new Set(["tp_rank", "pp_rank", "moe_ep_rank", "pid", "service"]);
const registered = "dynamo_component_router_worker_registered";
const pageNames = Object.keys(recorded) as PageName[];

describe("pages beside the reference's", () => {
  let deployment: Deployment;
  const pages = new Map<PageName, string>();
  const shown = new Map<PageName, ReadonlyMap<string, ShownFamily>>();
  /** Prompts of the pair. */
  let asked = 0;

  beforeAll(async () => {
    deployment = new Deployment({
      DYN_SYSTEM_PORT: "0",
      DYN_EVENT_PLANE: "zmq",
      DYN_INDEXER_PORT: "0",
    });
    const events = ["--kv-events-config", '{"publisher":"zmq","endpoint":"tcp://127.0.0.1:*"}'];
    const small = ["--page-size", "16", ...events];
    const [frontend, prefill, decode, aggregated, embedding, router, indexer] = await Promise.all([
      deployment.startFrontend(["--router-mode", "kv", "--router-queue-threshold", "1"]),
      deployment.startWorker([...small, "--disaggregation-mode", "prefill"]),
      deployment.startWorker([...small, "--disaggregation-mode", "decode"]),
      deployment.startWorker([
        ...small,
        ...["--served-model-name", "whole", "--endpoint", "dyn://dynamo.whole.generate"],
      ]),
      deployment.startVectorWorker([
        ...["--model-path", "packages/tiny-models/models/dyn-tiny-embed"],
        ...["--embedding-worker", "--served-model-name", "vectors"],
        ...["--endpoint", "dyn://dynamo.vectors.generate"],
      ]),
      deployment.startService("router", [
        ...["--endpoint", "dynamo.prefill.generate", "--router-block-size", "16"],
      ]),
      deployment.startService("indexer", []),
    ]);
    const url = frontend.ready;
    await untilListed(url, "tiny", "whole", "vectors");
    // The prefill worker may be known later, and no prompt is to do without it.
    await until(async () => {
      const label = 'worker_type="prefill"';
      const counts = [url, router.systemUrl!].map(async (it) =>
        readMetric(await fetchMetrics(it), registered, label),
      );
      expect(await Promise.all(counts)).toEqual([1, 1]);
    });
    const prompt = "What is 12 + 30? ".repeat(20);
    // On a busy machine the first may be prefilled where it is decoded: a prefill worker has a second to answer.
    const decodePage = () => fetchMetrics(decode.systemUrl!);
    for (; asked < 3 || acknowledgedOf(await decodePage()) < 3; asked++) {
      expect(await complete(url, prompt, 8)).toMatchObject({ status: 200, error: undefined });
    }
    await post(url, "/v1/completions", { model: "whole", prompt, max_tokens: 8 });
    await post(url, "/v1/completions", { model: "whole", prompt: "x".repeat(20_000) });
    await post(url, "/v1/embeddings", { model: "vectors", input: "a cat" });
    await untilMetric(url, "dyn_router_index_blocks", (blocks) => blocks > 0);
    const urls: Readonly<Record<PageName, string>> = {
      frontend: url,
      prefill: prefill.systemUrl!,
      decode: decode.systemUrl!,
      aggregated: aggregated.systemUrl!,
      embedding: embedding.systemUrl!,
      router: router.systemUrl!,
      indexer: indexer.systemUrl!,
    };
    // The last acknowledgements come behind the answers.
    await until(async () => {
      const both = [await fetchMetrics(prefill.systemUrl!), await decodePage()];
      const acknowledged = acknowledgedOf(both[0]!);
      const counts = both.map((page) => [
        acknowledgedOf(page),
        readMetric(page, "sglang:kv_transfer_latency_ms_count"),
        readMetric(page, "dyn_hand_over_leases"),
      ]);
      expect(counts).toEqual(both.map(() => [acknowledged, acknowledged, 0]));
    });
    for (const name of pageNames) {
      pages.set(name, await fetchMetrics(urls[name]));
      shown.set(name, readFamilies(pages.get(name)!));
    }
    for (const service of [router, indexer]) {
      for (const path of ["/health", "/live"]) {
        const answer = await fetch(`${service.systemUrl}${path}`);
        expect(await answer.json(), path).toMatchObject({ status: "ready" });
        expect(answer.status).toBe(200);
      }
    }
  });
  afterAll(() => deployment?.close());

  test.for(pageNames)("%s: every family, or a reason", (page) => {
    const ours = shown.get(page)!;
    const differences: string[] = [];
    for (const { name, type, labels, bounds } of recorded[page]) {
      const excuse = find(excuses, page, name);
      const family = ours.get(name);
      if (family === undefined) {
        if (excuse === undefined) differences.push(`${name} is missing`);
        continue;
      }
      if (excuse !== undefined) differences.push(`${name} is shown, and excused: ${excuse.reason}`);
      if (family.type !== type) differences.push(`${name} is a ${family.type} and no ${type}`);
      if (!family.hasSeries) {
        if (!silentUntilUsed.test(name)) differences.push(`${name} has no series`);
        continue;
      }
      const missing = labels.filter((it) => !notOurs.has(it) && !family.labels.includes(it));
      if (missing.length > 0) differences.push(`${name} has no label ${missing}`);
      if (bounds !== undefined && !isSame(bounds, family.bounds)) {
        differences.push(`${name} has the bounds ${family.bounds}`);
      }
    }
    expect(differences).toEqual([]);
  });

  test.for(pageNames)("%s: what the reference has not is named as ours", (page) => {
    const known = new Set(recorded[page].map(({ name }) => name));
    const others = [...shown.get(page)!.keys()].filter((name) => !known.has(name));
    expect(others.filter((name) => find(oursAlone, page, name) === undefined)).toEqual([]);
  });

  test("nothing is excused that the reference does not have", () => {
    for (const { reason, names, pages: of = pageNames } of excuses) {
      const isUsed = of.some((page) =>
        recorded[page as PageName].some(({ name }) => names.test(name)),
      );
      expect(isUsed, reason).toBe(true);
    }
  });

  test("docs/reference/metrics.md says all of it", async () => {
    const path = new URL("../../../docs/reference/metrics.md", import.meta.url).pathname;
    await expect(metricDifferencesPage(recorded)).toMatchFileSnapshot(path);
  });

  test("the two pools are told apart, and the hand-over between them is measured", () => {
    const { frontend, prefill, decode, router } = Object.fromEntries(pages) as Record<
      PageName,
      string
    >;
    for (const type of ["prefill", "decode"]) {
      const label = `worker_type="${type}"`;
      expect(readMetric(frontend, "dynamo_frontend_worker_active_decode_blocks", label)).toBe(0);
      expect(readMetric(frontend, registered, label)).toBeGreaterThan(0);
      const prompts = "dynamo_component_router_input_sequence_tokens_count";
      expect(readMetric(frontend, prompts, `phase="${type}"`, 'model="tiny"')).toBe(asked);
    }
    expect(readMetric(frontend, registered, 'model="whole"')).toBe(1);
    expect(readMetric(router, registered, 'worker_type="prefill"')).toBe(1);
    // One for each prompt of the pair, as the reference counts.
    const handOvers = "dynamo_component_router_kv_transfer_estimated_latency_seconds_count";
    expect(readMetric(frontend, handOvers)).toBe(asked);
    const sent = readMetric(prefill, "dyn_hand_over_bytes_total");
    expect(sent).toBeGreaterThan(0);
    expect(readMetric(decode, "dyn_hand_over_bytes_total")).toBe(sent);
    for (const side of [prefill, decode]) {
      expect(acknowledgedOf(side)).toBeGreaterThanOrEqual(3);
      expect(readMetric(side, "dyn_hand_over_leases")).toBe(0);
      expect(readMetric(side, "sglang:kv_transfer_latency_ms_count")).toBe(acknowledgedOf(side));
      expect(readMetric(side, "dyn_hand_over_runs_total")).toBeGreaterThanOrEqual(3);
      expect(readMetric(side, "dyn_hand_over_checksum_failures_total")).toBe(0);
    }
  });
});

function find(list: readonly Excuse[], page: PageName, name: string): Excuse | undefined {
  return list.find(({ names, pages: of }) => names.test(name) && (of?.includes(page) ?? true));
}

/** As `expect.poll`, which is for tests alone. */
function until(holds: () => Promise<void>): Promise<void> {
  return vi.waitFor(holds, { timeout: 60_000, interval: 100 });
}

/** There is no series before the first. */
function acknowledgedOf(page: string): number {
  const label = 'end="acknowledged"';
  return page.includes(label) ? readMetric(page, "dyn_hand_over_lease_ends_total", label) : 0;
}

/** The reference rounds to the precision of its floats. */
function isSame(wanted: readonly number[], found: readonly number[]): boolean {
  const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
  return wanted.length === found.length && wanted.every((bound, i) => isNear(bound, found[i]!));
}

async function post(url: string, path: string, body: object): Promise<void> {
  await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }).then((answer) => answer.text());
}

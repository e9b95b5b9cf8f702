import { describe, expect, it } from "vitest";
import {
  createEngineMetrics,
  createMetricsRegistry,
  type EngineMetricsLike,
} from "../src/index.ts";
import { idle } from "./idle-engine.ts";

const busy: EngineMetricsLike = {
  runningRequests: 3,
  waitingRequests: 2,
  pagesTotal: 100,
  pagesFree: 50,
  pagesCached: 30,
  pagesUsed: 20,
  promptTokens: 400,
  cachedTokens: 100,
  generatedTokens: 77,
  finishedRequests: 5,
  abortedRequests: 1,
  retractions: 2,
  prefillSteps: 6,
  decodeSteps: 40,
  generationThroughput: 123.5,
};

async function lines(registry: ReturnType<typeof createMetricsRegistry>): Promise<string[]> {
  const { body } = await registry.render();
  return body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe("engine metrics", () => {
  it("shows a snapshot in SGLang's names", async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    const sizes = { contextLength: 2048, weightBytes: 5e8, kvBytesPerToken: 1000 };
    createEngineMetrics(registry, { model: "tiny", pageSize: 16, ...sizes }, () => busy);
    const base = 'model_name="tiny",engine_type="unified"';
    const expected = {
      "sglang:num_running_reqs": 3,
      "sglang:num_queue_reqs": 2,
      "sglang:num_used_tokens": 320,
      "sglang:kv_used_tokens": 320,
      "sglang:kv_available_tokens": 800,
      "sglang:kv_evictable_tokens": 480,
      "sglang:token_usage": 0.2,
      "sglang:full_token_usage": 0.2,
      "sglang:weight_memory_usage_gb": 0.5,
      "sglang:kv_cache_memory_usage_gb": 0.0016,
      "sglang:cache_hit_rate": 0.25,
      "sglang:gen_throughput": 123.5,
      "sglang:num_retracted_reqs": 2,
      "sglang:max_total_num_tokens": 1600,
      "sglang:page_size": 16,
      "sglang:num_pages": 100,
      "sglang:context_len": 2048,
      'dyn_engine_pages|state="free"': 50,
      'dyn_engine_pages|state="cached"': 30,
      'dyn_engine_pages|state="used"': 20,
      'sglang:prompt_tokens_total|is_streaming="true"': 400,
      'sglang:generation_tokens_total|is_streaming="true"': 77,
      'sglang:cached_tokens_total|cache_source="device"': 100,
      'sglang:num_requests_total|is_streaming="true"': 5,
      "sglang:num_aborted_requests_total": 1,
      "sglang:num_retracted_requests_total": 2,
      'sglang:realtime_tokens_total|mode="prefill_compute"': 300,
      'sglang:realtime_tokens_total|mode="prefill_cache"': 100,
      'sglang:realtime_tokens_total|mode="decode"': 77,
      'dyn_engine_steps_total|kind="prefill"': 6,
      'dyn_engine_steps_total|kind="decode"': 40,
    };
    expect(await lines(registry)).toEqual(
      Object.entries(expected).map(([key, value]) => {
        const [name, label] = key.split("|");
        return `${name}{${base}${label === undefined ? "" : `,${label}`}} ${value}`;
      }),
    );
  });

  it("reads the engine once per rendering, and never otherwise", async () => {
    let reads = 0;
    const registry = createMetricsRegistry({ processMetrics: false });
    createEngineMetrics(registry, { model: "tiny", pageSize: 16 }, () => {
      reads++;
      return busy;
    });
    expect(reads).toBe(0);
    await registry.render();
    await registry.render();
    expect(reads).toBe(2);
  });

  it("covers the time since the page before with its window gauges", async () => {
    let snapshot = idle;
    const registry = createMetricsRegistry({ processMetrics: false });
    createEngineMetrics(registry, { model: "tiny", pageSize: 16 }, () => snapshot);
    const read = async (name: string) =>
      Number((await lines(registry)).find((line) => line.startsWith(name))?.split(" ")[1]);
    expect(await read("sglang:cache_hit_rate")).toBe(0);
    snapshot = busy;
    expect(await read("sglang:cache_hit_rate")).toBe(0.25);
    snapshot = { ...busy, promptTokens: 500, cachedTokens: 200 };
    expect(await read("sglang:cache_hit_rate")).toBe(1);
    expect(await read("sglang:num_retracted_reqs")).toBe(0);
    // No prompt since: the last rate stands.
    expect(await read("sglang:cache_hit_rate")).toBe(1);
  });

  it("keeps counters growing when an engine starts again", async () => {
    let snapshot = busy;
    const registry = createMetricsRegistry({ processMetrics: false });
    createEngineMetrics(registry, { model: "tiny", pageSize: 16 }, () => snapshot);
    await registry.render();
    snapshot = { ...idle, generatedTokens: 3 };
    const line = (await lines(registry)).find((l) =>
      l.startsWith("sglang:generation_tokens_total"),
    );
    expect(line?.split(" ")[1]).toBe("80");
  });

  it("shows two engines side by side and takes one away", async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    const rank = (dp_rank: string) => ({ model: "tiny", pageSize: 16, labels: { dp_rank } });
    createEngineMetrics(registry, rank("0"), () => busy);
    const remove = createEngineMetrics(registry, rank("1"), () => idle);
    const running = async () =>
      (await lines(registry)).filter((line) => line.startsWith("sglang:num_running_reqs"));
    expect(await running()).toEqual([
      'sglang:num_running_reqs{model_name="tiny",engine_type="unified",dp_rank="0"} 3',
      'sglang:num_running_reqs{model_name="tiny",engine_type="unified",dp_rank="1"} 0',
    ]);
    remove();
    expect(await running()).toHaveLength(1);
  });

  it("refuses an engine whose labels have other names than those of the first", () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    createEngineMetrics(registry, { model: "tiny", pageSize: 16 }, () => busy);
    const other = { model: "tiny", pageSize: 16, labels: { dp_rank: "1" } };
    expect(() => createEngineMetrics(registry, other, () => idle)).toThrow(
      "must have the same names: model_name, engine_type; these are model_name, engine_type, dp_rank",
    );
  });
});

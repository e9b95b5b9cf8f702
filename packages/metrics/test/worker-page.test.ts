// Our page of a worker beside the one that Dynamo's worker shows over SGLang.
import { readFileSync } from "node:fs";
import {
  createComponentMetrics,
  createEngineMetrics,
  createEngineRequestMetrics,
  createMetricsRegistry,
  showKvCapacity,
} from "@dyn/metrics";
import { describe, expect, it } from "vitest";
import { idle } from "./idle-engine.ts";

interface Family {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly bounds?: readonly number[];
}

const page = JSON.parse(
  readFileSync(new URL("./fixtures/worker-page.json", import.meta.url), "utf8"),
) as { families: readonly Family[] };

const labels = {
  dynamo_namespace: "dynamo",
  dynamo_component: "backend",
  dynamo_endpoint: "generate",
  worker_id: "d3e9b1b7d5201d23",
  model: "tiny",
};

/** Of a parallel engine's processes: ours is one. */
const rankLabels = new Set(["tp_rank", "pp_rank", "moe_ep_rank", "pid"]);

/** Families that the page does not have, and why. */
const absent: readonly (readonly [reason: string, names: RegExp])[] = [
  ["no CUDA graphs", /^sglang:(cuda_graph_|startup_cuda_graph_|graph_memory_|is_cuda_graph)/],
  ["no speculative decoding", /^sglang:spec_/],
  ["no state-space or sliding-window layers", /^sglang:(mamba|swa)_/],
  ["routing keys come with no request", /^sglang:(routing_key_|num_unique_running_routing_keys)/],
  ["a GPU's memory", /^sglang:startup_available_gpu_memory_gb$/],
  [
    "process_cpu_seconds_total and dyn_engine_steps_total say it: one process computes and serves",
    /^sglang:(scheduler_|process_cpu_seconds|per_stage_|fwd_occupancy|utilization)/,
  ],
  [
    "dynamo_component_model_load_time_seconds says it",
    /^sglang:(startup_time|weight_load_duration)_seconds$/,
  ],
  ["realtime_tokens_total says it", /^sglang:prefill_effective_tokens_total$/],
  [
    "the scheduler's own estimate, told to nobody",
    /^sglang:(new_token_ratio|decode_sum_seq_lens)$/,
  ],
  ["no requests are paused", /^sglang:num_paused_reqs$/],
  [
    "not counted yet: grammars that are compiled, requests with one, evictions",
    /^sglang:(num_grammar_queue_reqs|num_so_requests_total|evicted_tokens_total|eviction_duration_seconds)$/,
  ],
  [
    "hand-over: shown by what hands over",
    /^sglang:(kv_transfer_|num_prefill_|num_decode_|pending_prealloc_token_usage)/,
  ],
  [
    "shown by who owns them: admission, the publisher of KV events",
    /^dynamo_(engine_request|rejection_request_total|request_queue)$|^dynamo_component_kv_publisher_/,
  ],
  [
    "the pool of Dynamo's runtime: ours has no pool, its admission gate is in dynamo_engine_request",
    /^dynamo_work_handler_/,
  ],
];

const registry = createMetricsRegistry({ processMetrics: false });
const engine = {
  model: "tiny",
  pageSize: 16,
  contextLength: 2048,
  weightBytes: 1,
  kvBytesPerToken: 1,
  labels,
};
createEngineMetrics(registry, engine, () => idle);
const requests = createEngineRequestMetrics(registry, engine);
const component = createComponentMetrics(registry, {
  namespace: "dynamo",
  component: "backend",
  endpoint: "generate",
  workerId: "d3e9b1b7d5201d23",
  model: "tiny",
});
showKvCapacity(registry, {
  component: "backend",
  model: "tiny",
  loadSeconds: 1,
  ranks: [() => idle],
});

async function ourFamilies(): Promise<Map<string, Family>> {
  const { body } = await registry.render();
  const families = new Map<string, Family & { bounds: number[]; labels: string[] }>();
  for (const line of body.split("\n")) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) families.set(name, { name, type: type!, labels: [], bounds: [] });
    const series = /^([\w:]+)\{(.*)\} /.exec(line);
    if (series === null) continue;
    const family =
      families.get(series[1]!) ?? families.get(series[1]!.replace(/_(bucket|sum|count)$/, ""))!;
    for (const [, label, value] of series[2]!.matchAll(/(\w+)="([^"]*)"/g)) {
      if (label !== "le") {
        if (!family.labels.includes(label!)) family.labels.push(label!);
      } else if (value !== "+Inf" && !family.bounds.includes(Number(value))) {
        family.bounds.push(Number(value));
      }
    }
  }
  return families;
}

describe("a worker's page beside the reference's", () => {
  it("has every family with the same type, labels and bounds, or a reason why not", async () => {
    component.begun(1)({ errorType: "internal", isCancelled: false, sentBytes: 1 });
    const ours = await ourFamilies();
    const missing: string[] = [];
    for (const { name, type, labels, bounds } of page.families) {
      const reason = absent.find(([, names]) => names.test(name));
      const family = ours.get(name);
      if (family === undefined) {
        if (reason === undefined) missing.push(name);
        continue;
      }
      expect(reason, `${name} is shown and need not be excused`).toBeUndefined();
      expect(family.type, name).toBe(type);
      const wanted = labels.filter((label) => !rankLabels.has(label));
      expect(family.labels.toSorted(), name).toEqual(expect.arrayContaining(wanted));
      if (bounds !== undefined) expect(family.bounds, name).toEqual(bounds);
    }
    expect(missing).toEqual([]);
  });

  it("excuses nothing that the reference does not have", () => {
    for (const [reason, names] of absent) {
      expect(
        page.families.some(({ name }) => names.test(name)),
        reason,
      ).toBe(true);
    }
  });

  it("counts a request once, a step by its tokens, and a choice by its end", async () => {
    const request = requests.begun();
    const start = { promptTokens: 500, cachedTokens: 480, queueSeconds: 0.003 };
    request.begunToSpeak({ ...start, firstTokenSeconds: 0.3 });
    request.step(0, 1);
    request.begunToSpeak({ ...start, firstTokenSeconds: 0.4 });
    request.step(1, 1);
    request.step(0, 4);
    request.step(1, 0);
    request.choiceEnded(5);
    request.choiceEnded(1);
    request.ended();
    const { body } = await registry.render();
    const read = (name: string) =>
      Number(new RegExp(`^sglang:${name}\\{[^}]*\\} (\\S+)$`, "m").exec(body)?.[1]);
    expect(read("time_to_first_token_seconds_count")).toBe(1);
    expect(read("time_to_first_token_seconds_sum")).toBe(0.3);
    expect(read("queue_time_seconds_sum")).toBe(0.003);
    expect(read("prompt_tokens_histogram_sum")).toBe(500);
    expect(read("uncached_prompt_tokens_histogram_sum")).toBe(20);
    expect(read("inter_token_latency_seconds_count")).toBe(4);
    expect(read("generation_tokens_histogram_count")).toBe(2);
    expect(read("generation_tokens_histogram_sum")).toBe(6);
    expect(read("e2e_request_latency_seconds_count")).toBe(1);
  });
});

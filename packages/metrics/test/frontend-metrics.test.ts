import { describe, expect, it } from "vitest";
import { createFrontendMetrics, createMetricsRegistry, UNKNOWN_MODEL } from "../src/index.ts";
import { frontendFamilies } from "./families.ts";

function createPage(options: Parameters<typeof createFrontendMetrics>[1] = {}) {
  let nowMs = 1000;
  const registry = createMetricsRegistry({ processMetrics: false });
  const metrics = createFrontendMetrics(registry, { now: () => nowMs, ...options });
  return {
    metrics,
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** Lines of one family, without its comments. */
    family: async (name: string) => {
      const { body } = await registry.render();
      return body
        .split("\n")
        .filter((line) => line.replace(/(_bucket|_sum|_count)?[{ ].*/, "") === name);
    },
    body: async () => (await registry.render()).body,
  };
}

const chat = { model: "tiny", endpoint: "chat_completions", requestType: "stream" } as const;
const labels = 'model="tiny",endpoint="chat_completions",request_type="stream"';

describe("frontend metrics", () => {
  it("has the reference's names, types, labels and bounds", async () => {
    const page = createPage();
    const request = page.metrics.requestStarted(chat);
    request.firstToken(0.5);
    request.tokens(1, 0.1);
    request.finish({ errorType: "cancelled", inputTokens: 1, outputTokens: 2, cachedTokens: 0 });
    page.metrics.failed("Internal", "runtime.internal");
    page.metrics.clientDisconnected();
    page.metrics.modelRejection("tiny", "completions");
    page.metrics.migrated("tiny", "new_request");
    page.metrics.tooLongToMigrate("tiny");
    page.metrics.stageEntered("route")();
    page.metrics.templateRendered(0.001);
    page.metrics.promptTokenized(0.001);
    const lookup = { cachedTokens: 9, uncachedTokens: 2, wasLookedUp: true, cacheBytes: 300 };
    page.metrics.promptLookedUp("tiny", lookup);
    page.metrics.answerDetokenized(0.001, 5);
    page.metrics.modelReady("tiny", true);
    page.metrics.modelConfigured("tiny", {
      contextLength: 1,
      kvBlockSize: 2,
      totalKvBlocks: 3,
      maxRunningRequests: 4,
      maxBatchedTokens: 5,
      migrationLimit: 6,
    });
    const body = await page.body();
    const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1], match[2]]);
    expect(types.sort()).toEqual(
      frontendFamilies.map(({ name, type }) => [`dynamo_frontend_${name}`, type]).sort(),
    );
    for (const { name, type, labels: names, buckets } of frontendFamilies) {
      const suffix = type === "histogram" ? "_count" : "";
      const line = body.match(new RegExp(`^dynamo_frontend_${name}${suffix}(\\{.*\\})? `, "m"));
      const found = [...(line?.[1] ?? "").matchAll(/(\w+)="/g)].map((match) => match[1]);
      expect([name, ...found]).toEqual([name, ...names]);
      if (buckets === undefined) continue;
      const bounds = body.matchAll(
        new RegExp(`^dynamo_frontend_${name}_bucket\\{le="(.*?)"`, "gm"),
      );
      expect([...new Set([...bounds].map((match) => match[1]))]).toEqual([
        ...buckets.map(String),
        "+Inf",
      ]);
    }
  });

  it("writes one streamed request exactly so", async () => {
    const page = createPage();
    const request = page.metrics.requestStarted(chat);
    request.firstToken(0.03);
    request.tokens(2, 0.02);
    request.tokens(1, 0.5);
    page.advance(3000);
    expect(await page.family("dynamo_frontend_inflight_requests")).toEqual([
      'dynamo_frontend_inflight_requests{model="tiny"} 1',
    ]);
    request.finish({ errorType: null, inputTokens: 90, outputTokens: 4, cachedTokens: 64 });
    request.finish({ errorType: "internal" });
    expect(await page.family("dynamo_frontend_requests_total")).toEqual([
      `dynamo_frontend_requests_total{${labels},status="success",error_type=""} 1`,
    ]);
    expect(await page.family("dynamo_frontend_inflight_requests")).toEqual([
      'dynamo_frontend_inflight_requests{model="tiny"} 0',
    ]);
    expect(await page.family("dynamo_frontend_output_tokens_total")).toEqual([
      'dynamo_frontend_output_tokens_total{model="tiny"} 4',
    ]);
    const bucket = (le: string, count: number) =>
      `dynamo_frontend_inter_token_latency_seconds_bucket{le="${le}",model="tiny"} ${count}`;
    expect(await page.family("dynamo_frontend_inter_token_latency_seconds")).toEqual([
      ...["0", "0.0018", "0.0033", "0.0059"].map((le) => bucket(le, 0)),
      ...["0.011", "0.02", "0.035", "0.064", "0.12", "0.21", "0.38"].map((le) => bucket(le, 2)),
      ...["0.69", "1.2", "2.3", "4.1", "7.4", "13", "24", "44", "80", "+Inf"].map((le) =>
        bucket(le, 3),
      ),
      'dynamo_frontend_inter_token_latency_seconds_sum{model="tiny"} 0.52',
      'dynamo_frontend_inter_token_latency_seconds_count{model="tiny"} 3',
    ]);
    const durations = await page.family("dynamo_frontend_request_duration_seconds");
    expect(durations.slice(1, 4)).toEqual([
      'dynamo_frontend_request_duration_seconds_bucket{le="2",model="tiny"} 0',
      'dynamo_frontend_request_duration_seconds_bucket{le="4",model="tiny"} 1',
      'dynamo_frontend_request_duration_seconds_bucket{le="8",model="tiny"} 1',
    ]);
  });

  it("counts a request as queued until its first token or its end", async () => {
    const page = createPage();
    const queued = async () =>
      (await page.family("dynamo_frontend_queued_requests"))[0]?.split(" ")[1];
    const first = page.metrics.requestStarted(chat);
    const second = page.metrics.requestStarted(chat);
    expect(await queued()).toBe("2");
    first.firstToken(0.1);
    expect(await queued()).toBe("1");
    second.finish({ errorType: "unavailable" });
    first.finish({ errorType: null });
    expect(await queued()).toBe("0");
  });

  it("counts cancelled requests, and observes no tokens that it was not told", async () => {
    const page = createPage();
    page.metrics.requestStarted(chat).finish({ errorType: "cancelled" });
    page.metrics
      .requestStarted({ ...chat, model: UNKNOWN_MODEL })
      .finish({ errorType: "not_found" });
    expect(await page.family("dynamo_frontend_model_cancellation_total")).toEqual([
      `dynamo_frontend_model_cancellation_total{${labels}} 1`,
    ]);
    expect(await page.family("dynamo_frontend_requests_total")).toEqual([
      `dynamo_frontend_requests_total{${labels},status="error",error_type="cancelled"} 1`,
      `dynamo_frontend_requests_total{${labels.replace("tiny", "unknown_model")},status="error",error_type="not_found"} 1`,
    ]);
    expect(await page.family("dynamo_frontend_output_sequence_tokens")).toEqual([]);
  });

  it("takes a model's gauges away with the model", async () => {
    const page = createPage();
    page.metrics.modelConfigured("tiny", { contextLength: 2048 });
    page.metrics.modelReady("tiny", true);
    expect(await page.family("dynamo_frontend_model_context_length")).toEqual([
      'dynamo_frontend_model_context_length{model="tiny"} 2048',
    ]);
    page.metrics.modelRemoved("tiny");
    expect(await page.family("dynamo_frontend_model_context_length")).toEqual([]);
    expect(await page.family("dynamo_frontend_model_ready")).toEqual([]);
  });

  it("follows another prefix and other bounds", async () => {
    const page = createPage({
      prefix: "mine",
      buckets: { requestDuration: { min: 1, max: 100, count: 3 } },
    });
    page.metrics.requestStarted(chat).finish({ errorType: null });
    expect((await page.family("mine_request_duration_seconds")).slice(0, 4)).toEqual(
      ["0", "10", "100", "+Inf"].map(
        (le) => `mine_request_duration_seconds_bucket{le="${le}",model="tiny"} 1`,
      ),
    );
  });
});

// Frontend and worker in processes of their own, and a collector that hears of both.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Collector, type SeenSpan, startCollector } from "../../tracing/test/collector.ts";
import { complete, Deployment, untilListed } from "../src/deployment.ts";

const remoteTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const remoteSpan = "00f067aa0ba902b7";

describe("a traced deployment", () => {
  let collector: Collector;
  let deployment: Deployment;
  let url: string;

  beforeAll(async () => {
    collector = await startCollector();
    deployment = new Deployment({
      OTEL_EXPORT_ENABLED: "1",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.grpcUrl,
      OTEL_BSP_SCHEDULE_DELAY: "100",
      DYN_LOGGING_JSONL: "1",
    });
    const frontend = await deployment.startFrontend(["--router-mode", "kv"]);
    url = frontend.ready;
    await deployment.startWorker();
    await untilListed(url, "tiny");
  });
  afterAll(async () => {
    await deployment?.close();
    await collector?.close();
  });

  const spansOf = (traceId: string) => collector.spans.filter((it) => it.traceId === traceId);
  const named = (spans: readonly SeenSpan[], name: string) => {
    const found = spans.filter((it) => it.name === name);
    expect(found, name).toHaveLength(1);
    return found[0]!;
  };

  test("shows one trace from the client's span to the engine's phases", async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        traceparent: `00-${remoteTrace}-${remoteSpan}-01`,
        "x-request-id": "9c0bd3a6-6e84-4f0e-9e6d-6d1c7a3f8f11",
      },
      body: JSON.stringify({
        model: "tiny",
        messages: [{ role: "user", content: "Hello" }],
        max_tokens: 8,
        ignore_eos: true,
        stream: true,
      }),
    });
    await response.text();
    const names = [
      ...["http-request", "preprocess", "dyn.router.decide", "handle_payload"],
      ...["engine.queue", "engine.prefill", "engine.decode"],
    ];
    const seen = () => spansOf(remoteTrace).map(({ name }) => name);
    await expect.poll(() => seen().sort()).toEqual(names.sort());
    const spans = spansOf(remoteTrace);
    const request = named(spans, "http-request");
    const payload = named(spans, "handle_payload");
    expect(request).toMatchObject({ service: "dyn-frontend", parentId: remoteSpan, statusCode: 0 });
    expect(request.events).toContain("first_token");
    expect(request.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "dyn.request_id": "9c0bd3a6-6e84-4f0e-9e6d-6d1c7a3f8f11",
      "gen_ai.request.model": "tiny",
      "dyn.stream": true,
      "gen_ai.usage.output_tokens": 8,
    });
    for (const name of ["preprocess", "dyn.router.decide"]) {
      expect(named(spans, name)).toMatchObject({
        service: "dyn-frontend",
        parentId: request.spanId,
      });
    }
    expect(payload).toMatchObject({ service: "dyn-worker", parentId: request.spanId });
    expect(payload.attributes).toMatchObject({
      "gen_ai.usage.output_tokens": 8,
      "gen_ai.response.finish_reasons": ["length"],
    });
    for (const name of ["engine.queue", "engine.prefill", "engine.decode"]) {
      const phase = named(spans, name);
      expect(phase).toMatchObject({ service: "dyn-worker", parentId: payload.spanId });
      expect(phase.durationMs).toBeGreaterThanOrEqual(0);
    }
  });

  test("shows how a refused request failed, and begins a trace where the client has none", async () => {
    const { status } = await complete(url, "x".repeat(20_000), 8);
    expect(status).toBe(400);
    const failed = () =>
      collector.spans.filter((it) => it.attributes["http.response.status_code"] === 400);
    await expect.poll(failed).toHaveLength(1);
    expect(failed()[0]).toMatchObject({ name: "http-request", parentId: "", statusCode: 2 });
    expect(failed()[0]?.attributes["dyn.error_type"]).toBe("validation");
  });
});

test("both halves of a disaggregated request stand in its trace", async () => {
  const collector = await startCollector();
  const deployment = new Deployment({
    OTEL_EXPORT_ENABLED: "1",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpUrl,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  });
  try {
    const { ready: url } = await deployment.startFrontend();
    await Promise.all([
      deployment.startWorker(["--disaggregation-mode", "prefill"]),
      deployment.startWorker(["--disaggregation-mode", "decode"]),
    ]);
    await untilListed(url, "tiny");
    // The first requests may come before the pair has met.
    const asked = () => collector.spans.filter(({ name }) => name === "http-request");
    const payloadsOf = ({ spanId }: SeenSpan) =>
      collector.spans.filter((it) => it.name === "handle_payload" && it.parentId === spanId);
    const whole = async () => {
      await complete(url, "What is 12 + 30?", 8);
      return asked().find((request) => payloadsOf(request).length === 2);
    };
    await expect.poll(whole, { timeout: 60_000, interval: 200 }).toBeDefined();
    const request = (await whole())!;
    for (const { spanId } of payloadsOf(request)) {
      const phases = () => collector.spans.filter(({ parentId }) => parentId === spanId);
      await expect
        .poll(() => phases().map(({ name }) => name))
        .toEqual(expect.arrayContaining(["engine.queue", "engine.prefill"]));
    }
  } finally {
    await deployment.close();
    await collector.close();
  }
});

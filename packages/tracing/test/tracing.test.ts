import { readFileSync } from "node:fs";
import { createTracer, type TracingSettings, traceIds } from "@dyn/tracing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Collector, startCollector } from "./collector.ts";

let collector: Collector;
beforeEach(async () => {
  collector = await startCollector();
});
afterEach(() => collector.close());

const remote = {
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "vendor=1",
};

function settings(extra: Partial<TracingSettings> = {}): TracingSettings {
  return {
    otelExportEnabled: true,
    otelExporterOtlpEndpoint: collector.httpUrl,
    otelExporterOtlpProtocol: "http/protobuf",
    otelTracesSampleRatio: 1,
    ...extra,
  };
}

describe.each(["http/protobuf", "grpc"] as const)("over %s", (protocol) => {
  test("a collector gets spans, children, attributes, events and failures", async () => {
    const tracer = await createTracer(
      settings({
        otelExporterOtlpProtocol: protocol,
        otelExporterOtlpEndpoint: protocol === "grpc" ? collector.grpcUrl : `${collector.httpUrl}/`,
      }),
      { serviceName: "dyn-test" },
    );
    const span = tracer.startSpan("request", remote, {
      kind: "server",
      attributes: { model: "m", left: null, ids: ["a", "b"] },
    });
    const nowMs = Date.now();
    const child = span.child("prefill", { beginMs: nowMs - 40 });
    child.end({ endMs: nowMs });
    span.event("first token", { n: 3 });
    span.set({ tokens: 12 });
    span.end({ error: new Error("lost") });
    span.set({ late: true });
    await tracer.close();

    const [prefill, request] = ["prefill", "request"].map(
      (name) => collector.spans.find((seen) => seen.name === name)!,
    );
    expect(collector.spans).toHaveLength(2);
    expect(request).toMatchObject({
      service: "dyn-test",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      parentId: "b7ad6b7169203331",
      kind: 2,
      traceState: "vendor=1",
      attributes: { model: "m", ids: ["a", "b"], tokens: 12 },
      statusCode: 2,
    });
    expect(request!.events).toEqual(["first token", "exception"]);
    expect(request!.attributes).not.toHaveProperty("left");
    expect(request!.attributes).not.toHaveProperty("late");
    expect(prefill!.parentId).toBe(request!.spanId);
    expect(prefill!.durationMs).toBeCloseTo(40, 0);
    expect(span.trace).toEqual({
      traceparent: `00-${request!.traceId}-${request!.spanId}-01`,
      tracestate: "vendor=1",
    });
    expect(traceIds(span.trace)).toEqual({
      trace_id: request!.traceId,
      span_id: request!.spanId,
    });
  });
});

test("a trace that was not kept where it began is not kept here, and still handed on", async () => {
  const tracer = await createTracer(settings(), { serviceName: "dyn-test" });
  const parent = { traceparent: remote.traceparent.replace(/01$/, "00") };
  const span = tracer.startSpan("request", parent);
  expect(span.isRecording).toBe(false);
  expect(span.trace?.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-.{16}-00$/);
  span.end();
  await tracer.close();
  expect(collector.spans).toEqual([]);
});

test("of traces begun here the part that is asked for is kept", async () => {
  const tracer = await createTracer(settings({ otelTracesSampleRatio: 0.25 }), {
    serviceName: "dyn-test",
  });
  for (let i = 0; i < 2_000; i++) tracer.startSpan("request", null).end();
  await tracer.close();
  // Five standard deviations of a fair draw.
  expect(Math.abs(collector.spans.length - 500)).toBeLessThan(100);
});

test("switched off, the context passes through untouched", async () => {
  const tracer = await createTracer(settings({ otelExportEnabled: false }), {
    serviceName: "dyn-test",
  });
  expect(tracer.startSpan("request", remote).child("x").trace).toEqual(remote);
  expect(tracer.startSpan("request", null).trace).toBeNull();
  expect(traceIds(null)).toEqual({});
  await tracer.close();
});

test.each(["grpc", "http/protobuf"] as const)(
  "a collector of %s that is not there is told of once, by address, in a line, and holds nothing up",
  async (otelExporterOtlpProtocol) => {
    const problems: string[] = [];
    const tracer = await createTracer(
      settings({ otelExporterOtlpEndpoint: "http://127.0.0.1:9", otelExporterOtlpProtocol }),
      { serviceName: "dyn-test", onProblem: (message) => problems.push(message) },
    );
    tracer.startSpan("request", null).end();
    await tracer.close();
    expect(problems.length).toBeLessThanOrEqual(1);
    for (const problem of problems) {
      expect(problem).toContain("http://127.0.0.1:9");
      expect(problem).not.toContain('"stack"');
    }
  },
);

test("OpenTelemetry's libraries are out of reach of what is loaded without it", () => {
  const seen = new Set<string>();
  const follow = (url: URL) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    for (const [, isType, specifier] of readFileSync(url, "utf8").matchAll(
      /^(?:import|export) (type )?[^;]*?from "([^"]+)";/gm,
    )) {
      if (isType !== undefined) continue;
      expect(specifier, `imported by ${url.pathname}`).toMatch(/^\.{1,2}\//);
      follow(new URL(specifier!, url));
    }
  };
  follow(new URL("../src/index.ts", import.meta.url));
  expect(seen.size).toBeGreaterThan(3);
});

// Loaded only when traces are exported: OpenTelemetry's libraries take a tenth of a second.
import {
  context,
  type DiagLogger,
  DiagLogLevel,
  diag,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import type { TracerOptions, TracingSettings } from "../create-tracer.ts";
import type { TraceParent, Tracer } from "../span.ts";
import { createExporter, endpointOf } from "./otlp-exporter.ts";
import { OtlpSpan } from "./otlp-span.ts";
import { readTraceState } from "./trace-state.ts";

const problemEveryMs = 60_000;
const closeTimeoutMs = 2_000;

export async function createOtlpTracer(
  settings: TracingSettings,
  options: TracerOptions,
): Promise<Tracer> {
  diag.setLogger(createDiagLogger(endpointOf(settings), options.onProblem ?? (() => {})), {
    logLevel: DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      "service.name": settings.otelServiceName ?? options.serviceName,
      ...options.attributes,
    }),
    sampler: new ParentBasedSampler({
      root: new TraceIdRatioBasedSampler(settings.otelTracesSampleRatio),
    }),
    spanProcessors: [new BatchSpanProcessor(await createExporter(settings))],
  });
  const tracer = provider.getTracer("dyn");
  return {
    startSpan: (name, parent, spanOptions = {}) =>
      OtlpSpan.start(tracer, name, spanOptions, contextOf(parent)),
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeTimeoutMs);
      });
      // What could not be sent has been told by the diagnostics.
      await Promise.race([provider.shutdown().catch(() => {}), late]);
      clearTimeout(timer);
    },
  };
}

function contextOf(parent: TraceParent | null) {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(
    parent?.traceparent ?? "",
  );
  if (match === null || parent === null) return context.active();
  const [, traceId = "", spanId = "", flags = "00"] = match;
  return trace.setSpanContext(context.active(), {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...readTraceState(parent.tracestate),
  });
}

function createDiagLogger(endpoint: string, onProblem: (message: string) => void): DiagLogger {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const tell = (message: string) => {
    const nowMs = performance.now();
    if (nowMs - toldAtMs < problemEveryMs) return;
    toldAtMs = nowMs;
    onProblem(
      `Traces are not written (OTEL_EXPORT_ENABLED, collector ${endpoint}): ${withoutStack(message)}`,
    );
  };
  const silent = () => {};
  return { error: tell, warn: tell, info: silent, debug: silent, verbose: silent };
}

/** OpenTelemetry says errors as a JSON object of their fields, the stack first. */
function withoutStack(message: string): string {
  const said = /"message":("(?:[^"\\]|\\.)*")/.exec(message)?.[1];
  return message.startsWith("{") && said !== undefined ? (JSON.parse(said) as string) : message;
}

// A span of OpenTelemetry's in our words.
import {
  context,
  type Attributes as OtelAttributes,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { Attributes, Span, SpanOptions, TraceParent } from "../span.ts";

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const;

export class OtlpSpan implements Span {
  readonly trace: TraceParent;
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;

  constructor(tracer: OtelTracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.#span = span;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
    const tracestate = traceState?.serialize();
    this.trace = tracestate ? { traceparent, tracestate } : { traceparent };
  }

  static start(
    tracer: OtelTracer,
    name: string,
    options: SpanOptions,
    parent = context.active(),
  ): OtlpSpan {
    const { kind = "internal", attributes = {}, beginMs } = options;
    const span = tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        attributes: present(attributes),
        ...(beginMs === undefined ? {} : { startTime: new Date(beginMs) }),
      },
      parent,
    );
    return new OtlpSpan(tracer, span);
  }

  get isRecording(): boolean {
    return this.#span.isRecording();
  }

  child(name: string, options: SpanOptions = {}): Span {
    return OtlpSpan.start(this.#tracer, name, options, trace.setSpan(context.active(), this.#span));
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(present(attributes));
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#span.addEvent(name, present(attributes));
  }

  end(options: { readonly error?: unknown; readonly endMs?: number } = {}): void {
    const { error, endMs } = options;
    if (error != null) {
      const message = error instanceof Error ? error.message : String(error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
      this.#span.recordException(error instanceof Error ? error : message);
    }
    this.#span.end(endMs === undefined ? undefined : new Date(endMs));
  }
}

function present(attributes: Attributes): OtelAttributes {
  const kept: OtelAttributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null) kept[name] = typeof value === "object" ? ([...value] as string[]) : value;
  }
  return kept;
}

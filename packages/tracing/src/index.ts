export { createTracer, type TracerOptions, type TracingSettings } from "./create-tracer.ts";
export { noTracer, silentSpan } from "./no-tracer.ts";
export type {
  Attributes,
  AttributeValue,
  Span,
  SpanOptions,
  TraceParent,
  Tracer,
} from "./span.ts";
export { traceIds } from "./trace-ids.ts";

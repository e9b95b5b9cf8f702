import type { TraceParent } from "./span.ts";

/** For log lines, in the spelling that collectors look for. Empty without a trace. */
export function traceIds(
  trace: TraceParent | null,
): { readonly trace_id: string; readonly span_id: string } | Record<string, never> {
  if (trace === null) return {};
  const [, traceId = "", spanId = ""] = trace.traceparent.split("-");
  return { trace_id: traceId, span_id: spanId };
}

import { createTraceState, type TraceState } from "@opentelemetry/api";

/** A header as OpenTelemetry holds it; nothing without one. */
export function readTraceState(header: string | undefined): { readonly traceState?: TraceState } {
  return header === undefined ? {} : { traceState: createTraceState(header) };
}

import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { TracingSettings } from "../create-tracer.ts";

/** A collector's usual ports. */
const defaultEndpoints = {
  grpc: "http://localhost:4317",
  "http/protobuf": "http://localhost:4318",
} as const;

/** Where spans go, as the settings say it. */
export function endpointOf(settings: TracingSettings): string {
  const { otelExporterOtlpTracesEndpoint: traces, otelExporterOtlpProtocol: protocol } = settings;
  if (traces !== undefined) return traces;
  const endpoint = settings.otelExporterOtlpEndpoint ?? defaultEndpoints[protocol];
  return protocol === "grpc" ? endpoint : `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}

export async function createExporter(settings: TracingSettings): Promise<SpanExporter> {
  const url = endpointOf(settings);
  if (settings.otelExporterOtlpProtocol === "grpc") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
    return new OTLPTraceExporter({ url });
  }
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter({ url });
}

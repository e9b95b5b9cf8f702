import { noTracer } from "./no-tracer.ts";
import type { Tracer } from "./span.ts";

/** The fields are those of the options that @dyn/args reads. */
export interface TracingSettings {
  readonly otelExportEnabled: boolean;
  /** Where a collector listens. Over HTTP `/v1/traces` is added. Default: the collector's usual port on this machine. */
  readonly otelExporterOtlpEndpoint?: string | undefined;
  /** The same for traces alone, taken as it is. */
  readonly otelExporterOtlpTracesEndpoint?: string | undefined;
  readonly otelExporterOtlpProtocol: "grpc" | "http/protobuf";
  readonly otelServiceName?: string | undefined;
  /** Part of the traces begun here that are kept, from 0 to 1; one begun elsewhere is kept if it was there. */
  readonly otelTracesSampleRatio: number;
}

export interface TracerOptions {
  /** When the settings name none. */
  readonly serviceName: string;
  readonly attributes?: Readonly<Record<string, string>>;
  /** The collector cannot be reached or refuses: told at most once a minute. */
  readonly onProblem?: (message: string) => void;
}

/** OpenTelemetry's libraries are loaded only when traces are exported. */
export async function createTracer(
  settings: TracingSettings,
  options: TracerOptions,
): Promise<Tracer> {
  if (!settings.otelExportEnabled) return noTracer;
  const { createOtlpTracer } = await import("./otlp/create-otlp-tracer.ts");
  return await createOtlpTracer(settings, options);
}

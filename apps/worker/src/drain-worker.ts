// How a worker leaves: out of discovery first, engine last.
import type { WorkerArgs } from "@dyn/args";
import type { ModelCard } from "@dyn/protocol";
import { type DistributedRuntime, parseEndpointId } from "@dyn/runtime";
import type { Tracer } from "@dyn/tracing";
import type { WorkerContext } from "./start-worker.ts";
import type { WorkerSystem } from "./system/start-system.ts";

export async function drainWorker(
  { args, logger, planes }: WorkerContext,
  parts: {
    readonly runtime: DistributedRuntime;
    readonly card: ModelCard;
    readonly system: WorkerSystem | null;
    readonly tracer: Tracer;
    readonly shutdown: AbortController;
    /** Tells those who follow this worker that it goes. */
    leave(): Promise<void>;
    /** When nothing runs any more. */
    closeEngine(): Promise<void>;
  },
): Promise<{ readonly complete: boolean }> {
  const { runtime, card, system, tracer, shutdown } = parts;
  system?.health.setEndpoint(parseEndpointId(card.endpoint).endpoint, "notready");
  const timeoutMs = args.values.process.gracefulShutdownTimeout * 1000;
  // In memory everybody knows at once; elsewhere a frontend may send before it hears that we left.
  const graceMs = planes.discovery.kind === "mem" ? 0 : gracePeriodMs(args);
  logger.info("draining", { graceSeconds: graceMs / 1000, timeoutSeconds: timeoutMs / 1000 });
  await parts.leave();
  const { complete } = await runtime.drain({
    drainTimeoutMs: timeoutMs,
    graceMs,
    onTimeout: () => {
      logger.warn("requests still run: their frontends move them to another worker", {
        afterSeconds: timeoutMs / 1000,
      });
      shutdown.abort();
    },
  });
  await parts.closeEngine();
  await system?.close();
  await tracer.close();
  return { complete };
}

/** Below zero means none (Dynamo 1.6.1). */
function gracePeriodMs({ values }: WorkerArgs): number {
  return Math.max(0, values.system.gracePeriod) * 1000;
}

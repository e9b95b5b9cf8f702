// Several gateways on one port: this process starts and keeps them, and serves nothing itself.
import { type FrontendArgs, refuseUnsupported } from "@dyn/args";
import { GatewayCluster } from "@dyn/gateway";
import type { Logger } from "@dyn/logging";
import type { RunningProgram } from "@dyn/runtime";
import { supportedOptions } from "./supported-options.ts";
import { urlOf } from "./url-of.ts";
import { workerCountOf } from "./worker-count.ts";

/** Beyond the time that running streams have: to say goodbye to discovery, and to end. */
const endTimeoutMs = 5_000;

export async function startWorkers(
  args: FrontendArgs,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningProgram> {
  refuseUnsupported(args, supportedOptions);
  for (const notice of args.notices) logger.warn(notice);
  const workerCount = workerCountOf(args);
  const { host, port, gracefulShutdownTimeoutSecs } = args.values.http;
  const gateways = await GatewayCluster.start({
    host,
    port,
    workerCount,
    drainTimeoutMs: gracefulShutdownTimeoutSecs * 1000 + endTimeoutMs,
    logger,
    signal,
  });
  const url = urlOf(args, gateways.port);
  logger.info("listening", { url, workers: workerCount });
  return { drain: () => gateways.drain(), ended: gateways.ended, report: { url } };
}

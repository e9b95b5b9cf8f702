// A node of rank above 0: it is there to be looked at. It joins no plane, loads no model and answers no request.
import { deriveValue, type WorkerArgs } from "@dyn/args";
import type { Logger } from "@dyn/logging";
import type { RunningProgram } from "@dyn/runtime/program";
import { startSystem } from "../system/start-system.ts";

const longMs = 2 ** 30;

/** Runs until it is told to end. Its /health is ready: nothing of it can be found that could fail. */
export async function startFollowerNode(args: WorkerArgs, logger: Logger): Promise<RunningProgram> {
  for (const notice of args.notices) logger.warn(notice);
  // Without an endpoint the status that it starts with stays.
  const sound = deriveValue(args, "system", "startingHealthStatus", "ready", "--node-rank");
  const system = args.values.system.port < 0 ? null : await startSystem(sound, logger, null);
  const { nodeRank, nnodes } = args.values.engine;
  const report = {
    node: nodeRank,
    nodes: nnodes,
    ...(system === null ? {} : { system: system.url }),
  };
  logger.info("node of another worker: health and metrics only", report);
  if (system === null) logger.warn("nobody can look at it: set DYN_SYSTEM_PORT");
  // Handlers of signals keep no process alive, and without a server nothing else would.
  const presence = setInterval(() => {}, longMs);
  return {
    report,
    drain: async () => {
      clearInterval(presence);
      await system?.close();
      return { complete: true };
    },
  };
}

// dyn-frontend: parses, joins the deployment, serves HTTP, drains on a signal.
import { createConfigDump, type FrontendArgs, parseFrontendArgs, writeConfigDump } from "@dyn/args";
import { joinCluster } from "@dyn/gateway";
import { createProgramLogger, type Logger } from "@dyn/logging";
import { createMetricsRegistry } from "@dyn/metrics";
import { createPlanes, exitCodes, type RunningProgram, runProgram } from "@dyn/runtime";
import { giveHeapRoom } from "./give-heap-room.ts";
import { startFrontend } from "./start-frontend.ts";
import { startWorkers } from "./start-workers.ts";
import { workerCountOf } from "./worker-count.ts";

giveHeapRoom();
const registry = createMetricsRegistry();
const cluster = joinCluster(registry);

process.exitCode = await runProgram({
  parse: () => parseFrontendArgs({ argv: process.argv.slice(2), env: process.env }),
  start: async (args, signal) => {
    const fields = cluster === null ? {} : { worker: cluster.number };
    const logger = createProgramLogger("frontend", args.values.process, process.env, fields);
    const dumpTo = args.values.process.dumpConfigTo;
    if (dumpTo !== undefined && cluster === null) {
      const problem = writeConfigDump(dumpTo, createConfigDump(args, process.env));
      if (problem !== undefined) logger.warn(problem.message, { cause: String(problem.cause) });
    }
    return cluster === null && workerCountOf(args) > 1
      ? startWorkers(args, logger, signal)
      : startGateway(args, logger, signal);
  },
});
await cluster?.leave();

async function startGateway(
  args: FrontendArgs,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningProgram> {
  const planes = await createPlanes(args.values.runtime, {
    onProblem: (message, error) => logger.child("runtime").warn(message, { error: String(error) }),
  });
  const frontend = await startFrontend({ args, planes, logger, registry, cluster });
  if (cluster !== null) {
    // Asked by the primary and by a signal alike: a terminal sends its own to all processes.
    let drained: ReturnType<typeof frontend.drain> | null = null;
    const drain = () => {
      drained ??= frontend.drain();
      return drained;
    };
    return { drain, ended: cluster.drainWanted.then(drain).then(toExitCode) };
  }
  logger.info("listening", { url: frontend.url });
  return {
    ...frontend,
    report: { url: frontend.url },
    // A launcher asks for the models of its workers.
    until: async (what) => {
      if (typeof what !== "string") return;
      await frontend.gateway.waitForModel(what, { signal });
    },
  };
}

function toExitCode({ complete }: { readonly complete: boolean }): number {
  return complete ? exitCodes.ok : exitCodes.incomplete;
}

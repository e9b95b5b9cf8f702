// Frontend and worker in this process, meeting in memory. Loaded on use: a launch of processes needs neither.
import { ArgsError, deriveValue } from "@dyn/args";
import { startFrontend } from "@dyn/frontend";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry } from "@dyn/metrics";
import { createMemHub } from "@dyn/runtime";
import type { RunningProgram } from "@dyn/runtime/program";
import { describeWorker, type RunningWorker, resolveBundledModel, startWorker } from "@dyn/worker";
import type { LaunchPlan, PlannedFrontend, PlannedWorker } from "./plan-launch.ts";
import { startReport } from "./start-report.ts";

/** From the worker's registration until the frontend serves its model; the log says what is in the way. */
const modelTimeoutMs = 60_000;

export async function startSingleProcess(
  plan: LaunchPlan,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningProgram> {
  const { frontend: frontendArgs, worker: workerArgs } = onePair(plan);
  const hub = createMemHub();
  const registry = createMetricsRegistry();
  const frontend = await startFrontend({
    args: frontendArgs,
    planes: hub.createPlanes(),
    logger: logger.child("frontend"),
    registry,
  });
  let worker: RunningWorker | null = null;
  try {
    worker = await startWorker({
      args: workerArgs,
      planes: hub.createPlanes(),
      logger: logger.child("worker"),
      signal,
    });
    const { card } = worker;
    worker.showMetrics(registry);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(modelTimeoutMs)]);
    await frontend.gateway.waitForModel(card.displayName, { signal: limit });
  } catch (error) {
    await worker?.drain();
    await frontend.drain();
    throw error;
  }
  const running = worker;
  process.stdout.write(
    startReport({
      urls: [frontend.url],
      workers: [{ name: "worker", ...describeWorker(running) }],
      startMs: performance.now(),
    }),
  );
  return {
    drain: async () => {
      const ends = [await frontend.drain(), await running.drain()];
      return { complete: ends.every(({ complete }) => complete) };
    },
  };
}

function onePair({ processes }: LaunchPlan) {
  const frontends = processes.filter(
    (part): part is PlannedFrontend => part.program === "frontend",
  );
  const workers = processes.filter((part): part is PlannedWorker => part.program === "worker");
  const [frontend] = frontends;
  const [worker] = workers;
  if (!frontend || !worker || processes.length !== 2) {
    throw new ArgsError(
      "CONFLICT",
      `--single-process takes patterns of one frontend and one worker; this one has ${frontends.length} and ${workers.length}. Leave it out.`,
      { flag: "--single-process" },
    );
  }
  const why = "--single-process";
  return {
    frontend: deriveValue(frontend.args, "runtime", "discoveryBackend", "mem", why),
    worker: deriveValue(
      resolveBundledModel(worker.args),
      "runtime",
      "discoveryBackend",
      "mem",
      why,
    ),
  };
}

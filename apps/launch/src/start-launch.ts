// All parts of a pattern in this process, meeting in memory.
import {
  deriveValue,
  type FrontendArgs,
  type LaunchArgs,
  type PrintArgs,
  parseFrontendArgs,
  parseWorkerArgs,
  type WorkerArgs,
} from "@dyn/args";
import { type RunningFrontend, startFrontend } from "@dyn/frontend";
import type { Logger } from "@dyn/logging";
import { createEngineMetrics, createMetricsRegistry } from "@dyn/metrics";
import { createMemHub } from "@dyn/runtime";
import { type RunningWorker, startWorker } from "@dyn/worker";
import { resolveBundledModel } from "./bundled-model.ts";
import type { Pattern } from "./pattern.ts";

/** A launch whose parts have their own arguments. */
export interface LaunchPlan {
  readonly action: "run";
  readonly notices: readonly string[];
  readonly frontend: FrontendArgs;
  readonly worker: WorkerArgs;
}

export interface RunningLaunch {
  readonly frontend: RunningFrontend;
  readonly worker: RunningWorker;
  /** Milliseconds from the call to the first request being possible. */
  readonly startMs: number;
  drain(): Promise<void>;
}

/** The parts' arguments: command line, variables, then the pattern. Throws ArgsError. */
export function planLaunch(launch: LaunchArgs, pattern: Pattern): LaunchPlan | PrintArgs {
  const frontend = parseFrontendArgs({
    argv: launch.frontendArgv,
    env: launch.frontendEnv,
    preset: pattern.frontend,
  });
  const worker = parseWorkerArgs({
    argv: launch.workerArgv,
    env: launch.workerEnv,
    preset: pattern.worker,
  });
  if (frontend.action === "print" || worker.action === "print") {
    const texts = [frontend, worker].map((part) => (part.action === "print" ? part.text : ""));
    return { action: "print", text: texts.join("\n") };
  }
  const why = "all parts run in one process";
  return {
    action: "run",
    notices: launch.notices,
    frontend: deriveValue(frontend, "runtime", "discoveryBackend", "mem", why),
    worker: deriveValue(resolveBundledModel(worker), "runtime", "discoveryBackend", "mem", why),
  };
}

/** From the worker's registration until the frontend serves its model; the log says what is in the way. */
const modelTimeoutMs = 60_000;

export async function startLaunch(
  plan: LaunchPlan,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningLaunch> {
  const begun = performance.now();
  for (const notice of plan.notices) logger.warn(notice);
  const hub = createMemHub();
  const registry = createMetricsRegistry();
  const frontend = await startFrontend({
    args: plan.frontend,
    planes: hub.createPlanes(),
    logger: logger.child("frontend"),
    registry,
  });
  let worker: RunningWorker | null = null;
  try {
    worker = await startWorker({
      args: plan.worker,
      planes: hub.createPlanes(),
      logger: logger.child("worker"),
      signal,
    });
    const { card, engine, metrics } = worker;
    const labels = { model: card.displayName, pageSize: engine.pageSize };
    createEngineMetrics(registry, labels, metrics);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(modelTimeoutMs)]);
    await frontend.gateway.waitForModel(card.displayName, { signal: limit });
  } catch (error) {
    await worker?.drain();
    await frontend.drain();
    throw error;
  }
  const running = worker;
  return {
    frontend,
    worker: running,
    startMs: performance.now() - begun,
    drain: async () => {
      await frontend.drain();
      await running.drain();
    },
  };
}

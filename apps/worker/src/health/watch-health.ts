// Joins what tells whether a worker serves: the canary while nothing comes, the progress of the engine while something does.
import type { WorkerArgs } from "@dyn/args";
import { isRealAnswer } from "@dyn/handlers";
import {
  Canary,
  createProgressCheck,
  type HealthState,
  type ProgressReading,
  StallWatch,
} from "@dyn/health";
import type { Logger } from "@dyn/logging";
import { InternalError } from "@dyn/protocol";
import { RequestContext, type RequestHandler, type ServedEndpoint } from "@dyn/runtime";
import type { RequestGuard } from "./request-guard.ts";

/** So many times the stall that makes a worker not ready make its process one to replace. */
const stallsUntilDead = 5;

export interface HealthWatch {
  close(): void;
}

/**
 * A stuck engine leaves discovery and gives its requests up, so that they go on elsewhere; it comes back when it goes on.
 * With DYN_HEALTH_CHECK_ENABLED an idle one is asked too, and not ready before its first answer.
 */
export function watchHealth(options: {
  readonly args: WorkerArgs;
  readonly logger: Logger;
  /** `null`: nobody asks, there is no system server. */
  readonly health: HealthState | null;
  readonly served: ServedEndpoint;
  readonly guard: RequestGuard;
  /** What the endpoint serves, without the guard: the canary is not traffic. */
  readonly handler: RequestHandler<unknown, unknown>;
  readonly payload: object;
  readonly readProgress: () => ProgressReading;
  /** The engine was told to stand still. */
  readonly isPaused: () => boolean;
}): HealthWatch {
  const { args, logger, health, served, guard, handler, payload, isPaused } = options;
  const { canaryWaitTime, healthCheckRequestTimeout, healthCheckBusyStall, healthCheckEnabled } =
    args.values.system;
  const stallMs = healthCheckBusyStall * 1000;
  const read = () => {
    const { isBusy, stepCount } = options.readProgress();
    return { isBusy: isBusy && !isPaused(), stepCount };
  };
  const check = createProgressCheck({ read, stallMs });
  let stalled: string | null = null;
  let change = Promise.resolve();
  const stallWatch = new StallWatch({
    check,
    stallMs,
    onChange: (problem) => {
      stalled = problem;
      if (problem === null) logger.info("the engine goes on");
      else logger.error("the engine is stuck: its requests go on elsewhere", { reason: problem });
      if (problem !== null) guard.endAll(`The engine is stuck: ${problem}`);
      // One after the other: a put must not overtake the delete before it.
      change = change
        .then(() => (problem === null ? served.rejoin() : served.withdraw()))
        .catch((error: unknown) =>
          logger.error("discovery was not told of the engine", { error: String(error) }),
        );
    },
  });
  health?.addCheck("progress", () => stalled);
  health?.addLifeCheck(
    "progress",
    createProgressCheck({ read, stallMs: stallMs * stallsUntilDead }),
  );
  if (!healthCheckEnabled) return { close: () => stallWatch.close() };

  let problem: string | null = "Its first own request has not been answered yet.";
  health?.addCheck("canary", () => problem);
  const canary = new Canary({
    probe: (signal) => sendProbe(handler, payload, signal),
    idleMs: canaryWaitTime * 1000,
    timeoutMs: healthCheckRequestTimeout * 1000,
    longestMs: Math.max(stallMs, healthCheckRequestTimeout * 1000),
    isBusy: () => guard.openCount > 0 || isPaused(),
    onVerdict: (found) => {
      if (found !== null) logger.warn("the canary found the endpoint not ready", { reason: found });
      problem = found;
    },
  });
  guard.onItem(() => {
    canary.heard();
    problem = null;
  });
  canary.start();
  return {
    close: () => {
      stallWatch.close();
      canary.close();
    },
  };
}

/** Through the endpoint's own handler, to its end. */
async function sendProbe(
  handler: RequestHandler<unknown, unknown>,
  payload: object,
  signal: AbortSignal,
): Promise<void> {
  const context = new RequestContext();
  const stop = () => context.kill();
  signal.addEventListener("abort", stop, { once: true });
  try {
    let isAnswered = false;
    for await (const { data } of handler(payload, context)) isAnswered ||= isRealAnswer(data);
    if (!isAnswered) throw new InternalError("no token and no vector came back.");
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

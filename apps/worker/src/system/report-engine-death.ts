import type { HealthState } from "@dyn/health";
import { DynError } from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";

/** The same handler; an engine whose thread died makes the worker not ready, and its process one to replace. */
export function reportEngineDeath<Request, Item>(
  handler: RequestHandler<Request, Item>,
  health: HealthState | null,
): RequestHandler<Request, Item> {
  if (health === null) return handler;
  return async function* (request, context) {
    try {
      yield* handler(request, context);
    } catch (error) {
      if (DynError.is(error) && error.code === "DYN_ENGINE_THREAD_DIED") {
        health.addLifeCheck("engine", () => error.message);
      }
      throw error;
    }
  };
}

import type { WorkerArgs } from "@dyn/args";
import type { Engine } from "@dyn/engine";
import type { Logger } from "@dyn/logging";
import type { ServedEndpoint } from "@dyn/runtime";
import type { WorkerSystem } from "../system/start-system.ts";
import { configuredRoutes } from "./configured-routes.ts";
import { EngineControlRoutes } from "./engine-control-routes.ts";
import type { WeightVersion } from "./weight-version.ts";

/** The routes of a worker that generates text. While it is paused it is not in discovery; its model stays announced. */
export function openEngineRoutes(options: {
  readonly args: WorkerArgs;
  readonly logger: Logger;
  readonly engine: Engine;
  readonly weightVersion: WeightVersion;
  readonly served: ServedEndpoint;
  readonly system: WorkerSystem | null;
}): EngineControlRoutes {
  const { args, logger, engine, weightVersion, served, system } = options;
  const control = new EngineControlRoutes({
    engine,
    logger,
    weightVersion,
    onPaused: (isPaused) => (isPaused ? served.withdraw() : served.rejoin()),
  });
  const further = configuredRoutes(args.values.worker.engineRoute, control.routes);
  for (const [path, route] of [...control.routes, ...further]) {
    system?.engineRoutes.add(path, route);
  }
  return control;
}

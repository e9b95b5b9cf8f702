import type { ModelCard } from "@dyn/protocol";
import type { ServedEndpoint } from "@dyn/runtime";
import { createTaintRoute, taintPath } from "../routes/taint-route.ts";
import type { WorkerSystem } from "../system/start-system.ts";

/** The endpoint answers already: from here on the model is found, and the process says that it is ready. */
export async function announceModel(
  served: ServedEndpoint,
  card: ModelCard,
  system: WorkerSystem | null,
): Promise<void> {
  const announced = system?.hostCardFiles(card) ?? card;
  await served.registerModel(announced);
  system?.engineRoutes.add(taintPath, createTaintRoute(served, announced));
  system?.health.setEndpoint(served.id.endpoint, "ready");
}

// `/engine/update/model_taints`: marks by which requests choose workers, or stay away from them.
import type { EngineRoute } from "@dyn/health";
import type { ModelCard } from "@dyn/protocol";
import type { ServedEndpoint } from "@dyn/runtime";

export const taintPath = "update/model_taints";
/** Follow from where the worker runs: nobody sets or takes them. */
const reserved = "dynamo.topology/";

/** Announces the model again with these taints. `card`: as it was announced. */
export function createTaintRoute(served: ServedEndpoint, card: ModelCard): EngineRoute {
  const own = (card.runtimeConfig?.taints ?? []).filter((taint) => taint.startsWith(reserved));
  return async (body) => {
    const given =
      typeof body === "object" && body !== null && "taints" in body ? body.taints : null;
    if (!isTaints(given)) throw new TypeError("'taints' must be a JSON array of strings");
    const wrong = given.find((taint) => taint.startsWith(reserved));
    if (wrong !== undefined) {
      throw new TypeError(`${wrong} cannot be set: taints below ${reserved} follow from the place`);
    }
    const taints = [...new Set(given)].sort();
    await served.registerModel({
      ...card,
      runtimeConfig: { ...card.runtimeConfig, taints: [...own, ...taints] },
    });
    return { status: "ok", taints };
  };
}

function isTaints(given: unknown): given is string[] {
  return Array.isArray(given) && given.every((taint) => typeof taint === "string" && taint !== "");
}

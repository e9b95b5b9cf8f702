// `routing_constraints` of a request: taints that its worker must have, and those it would rather have.
export interface TaintDemand {
  readonly isEmpty: boolean;
  readonly required: readonly string[];
  /** By which a cost is multiplied: exp(-tanh(sum of the weights that match)). */
  factor(taints: ReadonlySet<string>): number;
}

const none: TaintDemand = Object.freeze({ isEmpty: true, required: [], factor: () => 1 });

/** `preferred_taints`: names, or weights by name. What has another shape counts as not said. */
export function readTaints(constraints: unknown): TaintDemand {
  if (typeof constraints !== "object" || constraints === null) return none;
  const { required_taints: required, preferred_taints: preferred } = constraints as {
    required_taints?: unknown;
    preferred_taints?: unknown;
  };
  const names = Array.isArray(required) ? required.filter((it) => typeof it === "string") : [];
  const weights: readonly (readonly [string, number])[] = Array.isArray(preferred)
    ? preferred.map((name) => [String(name), 1] as const)
    : Object.entries(preferred ?? {}).flatMap(([name, weight]) =>
        typeof weight === "number" ? [[name, weight] as const] : [],
      );
  if (names.length === 0 && weights.length === 0) return none;
  return {
    isEmpty: false,
    required: names,
    factor: (taints) => {
      const sum = weights.reduce((total, [name, w]) => total + (taints.has(name) ? w : 0), 0);
      return Math.exp(-Math.tanh(sum));
    },
  };
}

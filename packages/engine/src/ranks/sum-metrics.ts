import type { HandOverMetrics } from "../contract/disaggregation.ts";
import type { EngineMetrics } from "../contract/engine.ts";

/** Of ranks that share nothing; at least one. */
export function sumMetrics(parts: readonly EngineMetrics[]): EngineMetrics {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const figures = parts.map(({ handOver: _, ...rest }) => rest);
  const handOvers = parts.flatMap(({ handOver }) => handOver ?? []);
  return {
    ...addUp(figures),
    handOver: handOvers.length === 0 ? null : addUp<HandOverMetrics>(handOvers),
  };
}

function addUp<Figures extends { readonly [Name in keyof Figures]: number }>(
  parts: readonly Figures[],
): Figures {
  const names = Object.keys(parts[0]!) as (keyof Figures)[];
  return Object.fromEntries(
    names.map((name) => [name, parts.reduce((sum, part) => sum + part[name], 0)]),
  ) as unknown as Figures;
}

import { ArgsError } from "../args-error.ts";
import type { Layer } from "./raw-value.ts";
import { textToBoolean } from "./text-to-value.ts";
import type { FlagUse } from "./tokenize-argv.ts";

/** Gathers the uses of options: the last use wins, except for lists that are written by repeating. */
export function usesToLayer(uses: readonly FlagUse[]): Layer {
  const layer: Layer = new Map();
  for (const { found, spelled, values } of uses) {
    if (found.kind !== "option") continue;
    const { spec } = found;
    const source = { kind: "flag", detail: spelled } as const;
    if (spec.kind === "boolean") {
      layer.set(spec, {
        texts: [String(readSwitch(spelled, values[0]) !== found.negated)],
        source,
      });
      continue;
    }
    const earlier = spec.meta.list === "repeat" ? (layer.get(spec)?.texts ?? []) : [];
    const texts =
      values.length === 0 && spec.meta.bareValue !== undefined ? [spec.meta.bareValue] : values;
    layer.set(spec, { texts: [...earlier, ...texts], source });
  }
  return layer;
}

function readSwitch(spelled: string, value: string | undefined): boolean {
  const on = value === undefined ? true : textToBoolean(value);
  if (on === undefined) {
    throw new ArgsError(
      "INVALID_VALUE",
      `${spelled}=${value}: a switch takes no value, or =true or =false.`,
      {
        flag: spelled,
      },
    );
  }
  return on;
}

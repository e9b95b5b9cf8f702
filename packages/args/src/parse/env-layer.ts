import type { OptionSpec } from "../option/option-spec.ts";
import type { Layer } from "./raw-value.ts";
import { textToBoolean } from "./text-to-value.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables of all options. An empty variable counts as unset, except for a boolean, which it
 * turns off: any word but true, 1, yes, on does (a notice names the unusual ones).
 */
export function envToLayer(
  specs: readonly OptionSpec[],
  env: Environment,
  notice: (sentence: string) => void,
): Layer {
  const layer: Layer = new Map();
  for (const spec of specs) {
    const { env: name, oldEnv = [] } = spec.meta;
    for (const variable of name === undefined ? oldEnv : [name, ...oldEnv]) {
      const text = env[variable];
      if (text === undefined || (text.trim() === "" && spec.kind !== "boolean")) continue;
      const source = { kind: "env", detail: variable } as const;
      if (spec.kind === "boolean") {
        const value = textToBoolean(text);
        if (value === undefined) {
          notice(`${variable}="${text}" counts as false; true, 1, yes and on are true.`);
        }
        layer.set(spec, { texts: [String(value ?? false)], source });
      } else {
        const isSplit = spec.kind === "list" && spec.meta.list !== "comma";
        layer.set(spec, { texts: isSplit ? text.trim().split(/\s+/) : [text], source });
      }
      if (variable !== name) notice(`${variable} is an old name: use ${name ?? `--${spec.flag}`}.`);
      break;
    }
  }
  return layer;
}

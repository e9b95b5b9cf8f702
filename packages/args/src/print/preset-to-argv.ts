import type { Command, Concerns } from "../command/command.ts";
import { compileCommand } from "../command/define-command.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { mappingToLayer } from "../parse/mapping-to-layer.ts";
import { type ParseOptions, parseArgs } from "../parse/parse-args.ts";

/**
 * The values of a preset that are in force, as arguments for another process: those that no flag, variable or file of
 * `options` replaces. Behind `options.argv` they give what parsing here gives. Throws ArgsError.
 */
export function presetToArgv<C extends Concerns>(
  command: Command<C>,
  options: ParseOptions<C>,
): string[] {
  const { preset, ...others } = options;
  if (preset === undefined) return [];
  const parsed = parseArgs(command, { ...others, preset });
  if (parsed.action === "print") return [];
  const argv: string[] = [];
  const layer = mappingToLayer(preset.values, {
    command: command as unknown as Command,
    kind: "preset",
    name: preset.name,
    notice: () => {},
    onNative: (native, _spelled, values) => argv.push(`--${native.flag}`, ...values),
  });
  for (const spec of compileCommand(command as unknown as Command).specs) {
    const sources = parsed.sources as Record<string, Record<string, { readonly kind: string }>>;
    const raw = layer.get(spec);
    if (raw === undefined || sources[spec.concern]?.[spec.field]?.kind !== "preset") continue;
    argv.push(...toTokens(spec, raw.texts));
  }
  return argv;
}

function toTokens({ flag, kind, meta }: OptionSpec, texts: readonly string[]): string[] {
  if (kind !== "list") return [`--${flag}=${texts[0] ?? ""}`];
  if (meta.list === "comma") return [`--${flag}=${texts.join(",")}`];
  if (meta.list === "repeat") return texts.map((text) => `--${flag}=${text}`);
  return [`--${flag}`, ...texts];
}

import { readFileSync } from "node:fs";
import { ArgsError } from "../args-error.ts";
import type {
  Command,
  CommandSources,
  CommandValues,
  Concerns,
  PrintArgs,
  RunArgs,
  ValueSource,
} from "../command/command.ts";
import { builtinConcern, compileCommand } from "../command/define-command.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { explainConfig } from "../print/explain-config.ts";
import { helpText } from "../print/help-text.ts";
import { type Mapping, type ReadFile, readConfigFile, readConfigSection } from "./config-file.ts";
import { type Environment, envToLayer } from "./env-layer.ts";
import { usesToLayer } from "./flag-layer.ts";
import { judgeNative } from "./judge-native.ts";
import { mappingToLayer } from "./mapping-to-layer.ts";
import { rawToValue } from "./raw-to-value.ts";
import type { Layer } from "./raw-value.ts";
import { type FlagUse, lookUpIn, type TokenizedArgv, tokenizeArgv } from "./tokenize-argv.ts";

/** Values that a program brings itself, below flags, variables and files and above the defaults. */
export interface Preset {
  /** Named as the source of its values: `pattern agg`. */
  readonly name: string;
  /** By flag without dashes. */
  readonly values: Mapping;
}

export interface ParseOptions<C extends Concerns = Concerns, R extends RunArgs<C> = RunArgs<C>> {
  /** Without the program's own name: `process.argv.slice(2)`. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly preset?: Preset;
  /** Reads configuration files; by default from the file system. */
  readonly readFile?: ReadFile;
  /** Checks and derives after each value is good by itself; may throw ArgsErrors and give a changed copy. */
  readonly finish?: (args: RunArgs<C>) => R;
}

/**
 * Reads a command's options from flags, variables, a configuration file, a preset and defaults, in
 * falling precedence, and says for each where it came from. Throws nothing but ArgsError.
 */
export function parseArgs<C extends Concerns, R extends RunArgs<C> = RunArgs<C>>(
  command: Command<C>,
  options: ParseOptions<C, R>,
): R | PrintArgs {
  const generic = command as unknown as Command;
  const { specs } = compileCommand(generic);
  const notices = new Set<string>();
  const notice = (sentence: string) => void notices.add(sentence);
  const tokenized = tokenizeArgv((spelled) => lookUpIn(generic, spelled), options.argv);
  const flags = usesToLayer(withPositional(generic, tokenized));
  if (isOn(flags, "help")) return { action: "print", text: helpText(generic) };
  if (isOn(flags, "version"))
    return { action: "print", text: `${command.name} ${command.version}\n` };
  if (tokenized.rest.length > 0 && !command.keepsRest)
    throw unexpected(generic, tokenized.rest[0]!);
  for (const { found, spelled, values } of tokenized.uses) {
    if (found.kind !== "native") continue;
    const sentence = judgeNative(found.native, spelled, values);
    if (sentence !== undefined) notice(sentence);
  }
  noteSpellings(tokenized.uses, notice);

  const env = envToLayer(specs, options.env, notice);
  const onNative: Parameters<typeof mappingToLayer>[1]["onNative"] = (native, spelled, values) => {
    const sentence = judgeNative(native, spelled, values);
    if (sentence !== undefined) notice(sentence);
  };
  const readFile = options.readFile ?? ((path: string) => readFileSync(path, "utf8"));
  const file = pickFile(tokenized.uses, [flags, env], specs, readFile, notice);
  const layers: Layer[] = [flags, env];
  if (file !== undefined) {
    layers.push(
      mappingToLayer(file.mapping, {
        command: generic,
        kind: "file",
        name: file.name,
        notice,
        onNative,
      }),
    );
  }
  if (options.preset !== undefined) {
    const { name, values } = options.preset;
    layers.push(
      mappingToLayer(values, { command: generic, kind: "preset", name, notice, onNative }),
    );
  }

  const values: Record<string, Record<string, unknown>> = {};
  const sources: Record<string, Record<string, ValueSource>> = {};
  for (const spec of specs) {
    const raw = layers.find((layer) => layer.has(spec))?.get(spec);
    const { concern, field } = spec;
    values[concern] = { ...values[concern], [field]: rawToValue(generic, spec, raw) };
    sources[concern] = {
      ...sources[concern],
      [field]: raw?.source ?? { kind: "default", detail: "" },
    };
    if (raw !== undefined && raw.source.kind !== "preset" && spec.meta.noEffect !== undefined) {
      notice(`${raw.source.detail} is accepted and has no effect here: ${spec.meta.noEffect}`);
    }
  }
  const explains = values[builtinConcern]?.explainConfig === true;
  const parsed: RunArgs<C> = {
    action: "run",
    command,
    values: values as CommandValues<C>,
    sources: sources as CommandSources<C>,
    notices: [...notices],
    rest: tokenized.rest,
  };
  const finished = options.finish?.(parsed) ?? (parsed as R);
  return explains
    ? { action: "print", text: explainConfig(finished as unknown as RunArgs) }
    : finished;
}

function isOn(flags: Layer, field: string): boolean {
  for (const [spec, raw] of flags) {
    if (spec.concern === builtinConcern && spec.field === field) return raw.texts[0] === "true";
  }
  return false;
}

function withPositional(
  command: Command,
  { uses, positionals }: TokenizedArgv,
): readonly FlagUse[] {
  const [first, second] = positionals;
  if (first === undefined) return uses;
  const spec =
    command.positional === undefined
      ? undefined
      : compileCommand(command).byName.get(command.positional);
  if (spec === undefined) throw unexpected(command, first);
  if (second !== undefined) throw unexpected(command, second);
  const found = { kind: "option", spec, negated: false, name: spec.flag } as const;
  return [{ found, spelled: first, values: [first], tokens: [first] }, ...uses];
}

function unexpected(command: Command, argument: string): ArgsError {
  const remedy =
    command.positional === undefined
      ? `${command.name} takes flags only: did you forget two dashes, or quotes around a value with spaces?`
      : `${command.name} takes one ${command.positional} and flags.`;
  return new ArgsError("UNEXPECTED_ARGUMENT", `Unexpected argument "${argument}". ${remedy}`, {
    flag: argument,
  });
}

function noteSpellings(uses: readonly FlagUse[], notice: (sentence: string) => void): void {
  for (const { found, spelled } of uses) {
    const name = found.name.replace(/^no-/, "");
    if (found.kind === "option" && found.spec.meta.oldNames?.includes(name)) {
      notice(`${spelled} is an old name: use --${found.negated ? "no-" : ""}${found.spec.flag}.`);
    }
    const typed = spelled.replace(/^-+/, "").replaceAll("_", "-");
    if (spelled.startsWith("--") && typed !== found.name)
      notice(`${spelled} is read as --${found.name}.`);
  }
}

interface PickedFile {
  readonly name: string;
  readonly mapping: Mapping;
}

/** The one configuration file in force: a section of --disagg-config, else --config. */
function pickFile(
  uses: readonly FlagUse[],
  layers: readonly Layer[],
  specs: readonly OptionSpec[],
  readFile: ReadFile,
  notice: (sentence: string) => void,
): PickedFile | undefined {
  const text = (field: string): string | undefined => {
    const spec = specs.find((each) => each.concern === builtinConcern && each.field === field);
    if (spec === undefined) return undefined;
    return layers.find((layer) => layer.has(spec))?.get(spec)?.texts[0];
  };
  const config = text("config");
  const section = text("disaggConfig");
  const key = text("disaggConfigKey");
  if (
    uses.filter(({ found }) => found.kind === "option" && found.spec.field === "config").length > 1
  ) {
    throw new ArgsError("CONFLICT", "--config is given more than once: merge the files into one.", {
      flag: "--config",
    });
  }
  if ((section === undefined) !== (key === undefined)) {
    const [given, missing] =
      section === undefined
        ? [`--disagg-config-key ${key}`, "--disagg-config FILE"]
        : [`--disagg-config ${section}`, "--disagg-config-key SECTION"];
    throw new ArgsError("CONFLICT", `${given} is given without ${missing}: give both or neither.`, {
      flag: "--disagg-config",
    });
  }
  if (section !== undefined && key !== undefined) {
    if (config !== undefined) {
      notice(
        `--config ${config} is not read: section ${key} of --disagg-config ${section} stands in its place.`,
      );
    }
    return { name: `${section}[${key}]`, mapping: readConfigSection(section, key, readFile) };
  }
  return config === undefined
    ? undefined
    : { name: config, mapping: readConfigFile(config, readFile) };
}

import { ArgsError } from "../args-error.ts";
import type { Command } from "../command/command.ts";
import { compileCommand } from "../command/define-command.ts";
import type { FlagArity } from "../native/native-flag.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { type FoundFlag, findFlag, unknownFlagError } from "./find-flag.ts";

/** One flag of the command line with the values that belong to it. */
export interface FlagUse {
  readonly found: FoundFlag;
  /** As typed, with dashes, without a value. */
  readonly spelled: string;
  readonly values: readonly string[];
  /** The arguments it was made of, as typed: for handing them on to another command. */
  readonly tokens: readonly string[];
}

export interface TokenizedArgv {
  readonly uses: readonly FlagUse[];
  readonly positionals: readonly string[];
  /** What stood after `--`. */
  readonly rest: readonly string[];
}

/** Finds what a flag, typed with its dashes, means; throws ArgsError when it means nothing. */
export type LookUp = (spelled: string) => FoundFlag;

/** Splits a command line by the flags that `lookUp` finds. Converts nothing yet. */
export function tokenizeArgv(lookUp: LookUp, argv: readonly string[]): TokenizedArgv {
  const uses: FlagUse[] = [];
  const positionals: string[] = [];
  let at = 0;
  while (at < argv.length) {
    const token = argv[at]!;
    if (token === "--") return { uses, positionals, rest: argv.slice(at + 1) };
    if (!isFlag(token)) {
      positionals.push(token);
      at += 1;
      continue;
    }
    const equals = token.indexOf("=");
    const spelled = equals < 0 ? token : token.slice(0, equals);
    const found = lookUp(spelled);
    const arity = flagArity(found);
    const following = equals < 0 ? countValues(argv, at + 1, arity) : 0;
    const values = equals < 0 ? argv.slice(at + 1, at + 1 + following) : [token.slice(equals + 1)];
    if (values.length === 0 && needsValue(found, arity))
      throw missingValueError(found, spelled, argv[at + 1]);
    uses.push({ found, spelled, values, tokens: argv.slice(at, at + 1 + following) });
    at += 1 + following;
  }
  return { uses, positionals, rest: [] };
}

/** `-1` and `-.5` are values, as is a lone `-`. */
function isFlag(token: string): boolean {
  return (
    token.length > 1 && token.startsWith("-") && !/^-(\d+|\d*\.\d+)([eE][+-]?\d+)?$/.test(token)
  );
}

/** The LookUp of one command. */
export function lookUpIn(command: Command, spelled: string): FoundFlag {
  if (spelled.startsWith("--")) {
    const found = findFlag(command, spelled.slice(2));
    if (found === undefined) throw unknownFlagError(command, spelled.slice(2));
    return found;
  }
  const spec = compileCommand(command).byShort.get(spelled.slice(1));
  if (spec !== undefined) return { kind: "option", spec, negated: false, name: spec.flag };
  throw new ArgsError(
    "UNKNOWN_FLAG",
    `Unknown flag ${spelled}. Long flags have two dashes; ${command.name} --help lists them all.`,
    { flag: spelled },
  );
}

function flagArity(found: FoundFlag): FlagArity {
  if (found.kind === "native") return found.native.arity;
  return found.negated ? "none" : optionArity(found.spec);
}

function optionArity(spec: OptionSpec): FlagArity {
  if (spec.kind === "boolean") return "none";
  if (spec.meta.bareValue !== undefined) return "optional";
  return spec.kind === "list" && (spec.meta.list ?? "values") === "values" ? "many" : "one";
}

function countValues(argv: readonly string[], from: number, arity: FlagArity): number {
  const most = arity === "none" ? 0 : arity === "many" ? argv.length : 1;
  let count = 0;
  while (count < most && from + count < argv.length && !isFlag(argv[from + count]!)) count += 1;
  return count;
}

function needsValue(found: FoundFlag, arity: FlagArity): boolean {
  if (arity === "one") return true;
  return arity === "many" && found.kind === "option" && !found.spec.meta.emptyList;
}

function missingValueError(found: FoundFlag, spelled: string, next: string | undefined): ArgsError {
  const placeholder = found.kind === "option" ? (found.spec.meta.placeholder ?? "VALUE") : "VALUE";
  const dashed =
    next?.startsWith("-") && next !== "--"
      ? ` A value that begins with a dash is written ${spelled}=${next}.`
      : "";
  return new ArgsError(
    "MISSING_VALUE",
    `${spelled} needs a value: ${spelled} ${placeholder}.${dashed}`,
    {
      flag: spelled,
    },
  );
}

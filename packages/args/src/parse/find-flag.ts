import { ArgsError } from "../args-error.ts";
import type { Command } from "../command/command.ts";
import { compileCommand } from "../command/define-command.ts";
import type { NativeFlag } from "../native/native-flag.ts";
import { normalizeFlag } from "../option/flag-name.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { nearestName } from "./nearest-name.ts";

/** What a spelling stands for. */
export type FoundFlag = (
  | { readonly kind: "option"; readonly spec: OptionSpec; readonly negated: boolean }
  | { readonly kind: "native"; readonly native: NativeFlag }
) & {
  /** The full name that was meant, without dashes; differs from the spelling when it was abbreviated. */
  readonly name: string;
};

const natives = new WeakMap<Command, ReadonlyMap<string, NativeFlag>>();

function nativeMap(command: Command): ReadonlyMap<string, NativeFlag> {
  let map = natives.get(command);
  if (map === undefined) {
    const flags = command.nativeFlags ?? [];
    map = new Map(
      flags.flatMap((flag) => [flag.flag, ...(flag.aliases ?? [])].map((name) => [name, flag])),
    );
    natives.set(command, map);
  }
  return map;
}

/**
 * Finds what `--<spelled>` means: an exact spelling, `no-` and a boolean option, a native flag, else an
 * unambiguous beginning of one of these (as argparse has it). Undefined when nothing fits.
 */
export function findFlag(command: Command, spelled: string): FoundFlag | undefined {
  const name = normalizeFlag(spelled);
  const exact = findExact(command, name);
  if (exact !== undefined || name.length < 2) return exact;
  const meant = new Map<OptionSpec | NativeFlag, Map<boolean, FoundFlag>>();
  const names: string[] = [];
  for (const candidate of allNames(command)) {
    if (!candidate.startsWith(name)) continue;
    const found = findExact(command, candidate);
    if (found === undefined) continue;
    const target = found.kind === "option" ? found.spec : found.native;
    const byNegation = meant.get(target) ?? new Map<boolean, FoundFlag>();
    const negated = found.kind === "option" && found.negated;
    if (!byNegation.has(negated)) {
      byNegation.set(negated, found);
      names.push(candidate);
    }
    meant.set(target, byNegation);
  }
  if (names.length > 1) {
    throw new ArgsError(
      "AMBIGUOUS_FLAG",
      `--${spelled} could be ${names.map((candidate) => `--${candidate}`).join(", ")}: write it in full.`,
      { flag: `--${spelled}` },
    );
  }
  return names.length === 1 ? findExact(command, names[0]!) : undefined;
}

/** Like findFlag, for full spellings only. */
export function findExactFlag(command: Command, spelled: string): FoundFlag | undefined {
  return findExact(command, normalizeFlag(spelled));
}

function findExact(command: Command, name: string): FoundFlag | undefined {
  const { byName } = compileCommand(command);
  const spec = byName.get(name);
  if (spec !== undefined) return { kind: "option", spec, negated: false, name };
  const native = nativeMap(command).get(name);
  if (native !== undefined) return { kind: "native", native, name };
  const positive = name.startsWith("no-") ? byName.get(name.slice(3)) : undefined;
  return positive?.kind === "boolean"
    ? { kind: "option", spec: positive, negated: true, name }
    : undefined;
}

function* allNames(command: Command): Iterable<string> {
  for (const [name, spec] of compileCommand(command).byName) {
    yield name;
    if (spec.kind === "boolean") yield `no-${name}`;
  }
  yield* nativeMap(command).keys();
}

/** The error for a flag that nothing is known of. */
export function unknownFlagError(command: Command, spelled: string, where = ""): ArgsError {
  const nearest = nearestName(normalizeFlag(spelled), allNames(command));
  const remedy =
    nearest === undefined
      ? `${command.name} --help lists the flags.`
      : `Did you mean --${nearest}? ${command.name} --help lists the flags.`;
  return new ArgsError("UNKNOWN_FLAG", `Unknown flag --${spelled}${where}. ${remedy}`, {
    flag: `--${spelled}`,
  });
}

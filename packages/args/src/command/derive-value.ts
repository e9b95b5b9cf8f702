import { ArgsError } from "../args-error.ts";
import type { Concerns, RunArgs, ValueSource } from "./command.ts";
import { compileCommand } from "./define-command.ts";

/** A copy of the arguments in which one value follows from others; its source says why. */
export function deriveValue<
  A extends RunArgs<C>,
  C extends Concerns,
  K extends keyof A["values"] & string,
  F extends keyof A["values"][K] & string,
>(args: A, concern: K, field: F, value: A["values"][K][F], detail: string): A {
  const source: ValueSource = { kind: "derived", detail };
  const values = args.values as Record<string, object>;
  const sources = args.sources as Record<string, object>;
  return {
    ...args,
    values: { ...values, [concern]: { ...values[concern], [field]: value } },
    sources: { ...sources, [concern]: { ...sources[concern], [field]: source } },
  };
}

/** Whether anybody set the option: false for defaults and derived values. */
export function isGiven(args: RunArgs, concern: string, field: string): boolean {
  const kind = sourceOf(args, concern, field)?.kind;
  return kind !== undefined && kind !== "default" && kind !== "derived";
}

/** An option as its user knows it: `--rerank-worker`, `--endpoint (from DYN_ENDPOINT)`. */
export function nameOption(args: RunArgs, concern: string, field: string): string {
  const spec = compileCommand(args.command).specs.find(
    (each) => each.concern === concern && each.field === field,
  );
  const source = sourceOf(args, concern, field);
  const name = spec?.meta.envOnly ? (spec.meta.env ?? field) : `--${spec?.flag ?? field}`;
  if (source === undefined || source.kind === "default" || source.kind === "derived") return name;
  return source.kind === "flag" || source.detail === name
    ? name
    : `${name} (from ${source.detail})`;
}

/** Two options that cannot go together; the message names both and says what to do. */
export function conflictError(
  args: RunArgs,
  one: readonly [concern: string, field: string],
  other: readonly [concern: string, field: string],
  why: string,
): ArgsError {
  const first = nameOption(args, ...one);
  return new ArgsError(
    "CONFLICT",
    `${first} and ${nameOption(args, ...other)} cannot go together: ${why}`,
    {
      flag: first,
    },
  );
}

function sourceOf(args: RunArgs, concern: string, field: string): ValueSource | undefined {
  return (args.sources[concern] as Record<string, ValueSource> | undefined)?.[field];
}

import { isDeepStrictEqual } from "node:util";
import { ArgsError } from "../args-error.ts";
import type { CommandValues, Concerns, RunArgs } from "./command.ts";
import { builtinConcern, compileCommand } from "./define-command.ts";
import { isGiven, nameOption } from "./derive-value.ts";

/** Fields that a program acts on, by concern; `true` = all of them. */
export type SupportedOptions<C extends Concerns> = {
  readonly [K in keyof C]: true | readonly (keyof CommandValues<C>[K] & string)[];
};

/** Why some of the others are refused, in words that follow a colon; for those without, it is said that they have no effect. */
export type RefusalReasons<C extends Concerns> = {
  readonly [K in keyof C]?: { readonly [F in keyof CommandValues<C>[K] & string]?: string };
};

/**
 * Refuses an option that somebody set and that the program does not act on, so that nothing is ignored in silence.
 * Options that are accepted without effect on purpose (`noEffect`) have their notice already. Whoever spells out a default
 * asks for what the program does anyway.
 */
export function refuseUnsupported<C extends Concerns>(
  args: RunArgs<C>,
  supported: SupportedOptions<C>,
  reasons: RefusalReasons<C> = {},
): void {
  const generic = args as unknown as RunArgs;
  for (const { concern, field, flag, meta, defaultValue } of compileCommand(generic.command)
    .specs) {
    if (concern === builtinConcern || meta.noEffect !== undefined) continue;
    const fields = (supported as Record<string, true | readonly string[]>)[concern];
    if (fields === true || fields?.includes(field) || !isGiven(generic, concern, field)) continue;
    const value = (generic.values[concern] as Record<string, unknown>)[field];
    if (defaultValue !== undefined && isDeepStrictEqual(value, defaultValue)) continue;
    const name = nameOption(generic, concern, field);
    const reason = (reasons as Record<string, Record<string, string>>)[concern]?.[field];
    throw new ArgsError(
      "UNSUPPORTED_FLAG",
      reason === undefined
        ? `${name} is known, but ${generic.command.name} does not act on it in this release. Leave it out.`
        : `${name} is refused: ${reason}. Leave it out.`,
      { flag: `--${flag}` },
    );
  }
}

import type { ValueSource } from "../command/command.ts";
import type { OptionSpec } from "../option/option-spec.ts";

/** A value as some source wrote it, before it is read by type. */
export interface RawValue {
  readonly texts: readonly string[];
  readonly source: ValueSource;
  /** Whether any word other than a truthy one means false, as it does in the environment. */
  readonly lenientBoolean?: true;
}

/** Values of one layer (flags, variables, a file) by option. */
export type Layer = Map<OptionSpec, RawValue>;

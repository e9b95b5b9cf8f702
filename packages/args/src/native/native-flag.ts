/** How many values follow a flag. */
export type FlagArity = "none" | "one" | "optional" | "many";

/**
 * A flag that other programs of this kind have and this one does not implement.
 * `notice`: it has no meaning here; accepted, and named once in the log.
 * `refuse`: it would change results or capacity; an error with the reason, unless its value asks for
 * what happens anyway (`accepts`).
 */
export interface NativeFlag {
  readonly flag: string;
  readonly verdict: "refuse" | "notice";
  /** A whole sentence: what is so, and what to do instead. */
  readonly reason: string;
  readonly arity: FlagArity;
  readonly aliases?: readonly string[];
  /** Values that a refused flag may have, because they ask for what happens anyway. */
  readonly accepts?: readonly string[];
}

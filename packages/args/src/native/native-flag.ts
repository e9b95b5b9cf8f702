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
  /** Begins in lower case and ends in a full stop: what is so, and what to do instead. */
  readonly reason: string;
  readonly arity: FlagArity;
  /** Further spellings, old ones among them. */
  readonly aliases?: readonly string[];
  /** Values that a refused flag may have, because they ask for what happens anyway. */
  readonly accepts?: readonly string[];
}

/** A row of a table: `flag`, `flag|alias|alias`, and for refused flags `flag=accepted|accepted`. */
type Row = string;

/** Flags that have no meaning here, for one reason. */
export function noticeFlags(arity: FlagArity, reason: string, rows: readonly Row[]): NativeFlag[] {
  return rows.map((row) => ({ ...readRow(row), verdict: "notice", reason, arity }));
}

/** Flags that would change results or capacity, for one reason. */
export function refuseFlags(arity: FlagArity, reason: string, rows: readonly Row[]): NativeFlag[] {
  return rows.map((row) => ({ ...readRow(row), verdict: "refuse", reason, arity }));
}

function readRow(row: Row): Pick<NativeFlag, "flag" | "aliases" | "accepts"> {
  const [names = "", accepted] = row.split("=");
  const [flag = "", ...aliases] = names.split("|");
  return {
    flag,
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(accepted === undefined ? {} : { accepts: accepted.split("|") }),
  };
}

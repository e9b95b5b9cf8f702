// Character classes for patterns with the flag "v".
import { newerThanOniguruma } from "./code-point-tables.ts";

/** "41-5a 5f" as the inside of a class. */
export function tableToClass(table: string): string {
  return table
    .split(" ")
    .map((range) =>
      range
        .split("-")
        .map((hex) => `\\u{${hex}}`)
        .join("-"),
    )
    .join("");
}

const newer = tableToClass(newerThanOniguruma);

/** A Unicode property as Oniguruma of tokenizers knows it (Unicode 16), whatever this Node's tables are. */
export function propertyToClass(name: string, isNegated = false): string {
  const known = knownCharacters(name);
  return isNegated ? `[^${known}]` : known;
}

function knownCharacters(name: string): string {
  if (name === "C" || name === "Cn") return `[\\p{${name}}${newer}]`;
  if (name === "Ll") return `[[\\p{Ll}--[${newer}]]\\u{295}]`;
  if (name === "Lo") return `[\\p{Lo}--[${newer}\\u{295}]]`;
  return `[\\p{${name}}--[${newer}]]`;
}

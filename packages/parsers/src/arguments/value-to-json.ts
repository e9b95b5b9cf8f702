// Values that a format writes without quotes, made JSON by the declared type (spec 2.9, Arguments).
import { literalToJson } from "../json/literal-to-json.ts";
import { textToJson } from "../json/read-json.ts";
import type { ValueKind } from "./schema-kinds.ts";

/** Where the formats differ. */
export interface ValueRules {
  /** `null` for a string is null, or the text. */
  readonly isNullString: "null" | "text";
  /** A word that is no boolean: false, true for `yes` and its like, or left a string. */
  readonly unknownBoolean: "false" | "yes" | "string";
  /** A plain or broken list becomes an array: `a, b`. */
  readonly plainLists: boolean;
}

const integer = /^[+-]?\d+$/;

/** What does not fit its kinds stays a string. No kinds: a string. */
export function valueToJson(
  text: string,
  kinds: ReadonlySet<ValueKind>,
  rules: ValueRules,
): string {
  const trimmed = text.trim();
  if (isNull(trimmed, kinds, rules)) return "null";
  if (kinds.has("boolean")) {
    const json = booleanToJson(trimmed.toLowerCase(), kinds, rules);
    if (json !== null) return json;
  }
  if (kinds.has("integer") || kinds.has("number")) {
    const json = numberToJson(trimmed, kinds);
    if (json !== null) return json;
  }
  if (kinds.has("object") && trimmed.startsWith("{")) {
    const json = textToJson(trimmed);
    if (json !== null) return json;
  }
  if (kinds.has("array")) {
    const json = trimmed.startsWith("[") ? textToJson(trimmed) : null;
    if (json !== null) return json;
    if (rules.plainLists && kinds.size === 1) return plainListToJson(trimmed);
  }
  return JSON.stringify(text);
}

function isNull(text: string, kinds: ReadonlySet<ValueKind>, rules: ValueRules): boolean {
  if (text !== "null" && !(text === "None" && !kinds.has("string"))) return false;
  if (kinds.has("null")) return true;
  if (kinds.size === 0) return rules.isNullString === "null";
  return kinds.has("string") ? rules.isNullString === "null" : true;
}

function booleanToJson(
  word: string,
  kinds: ReadonlySet<ValueKind>,
  { unknownBoolean }: ValueRules,
): string | null {
  if (word === "true" || word === "false") return word;
  if (kinds.size > 1) return null;
  if (unknownBoolean === "false") return "false";
  if (unknownBoolean === "yes") {
    if (["yes", "1", "on"].includes(word)) return "true";
    if (["no", "0", "off"].includes(word)) return "false";
  }
  return null;
}

/** Digits are kept as they are written; an integer takes no fraction and no exponent. */
function numberToJson(text: string, kinds: ReadonlySet<ValueKind>): string | null {
  if (!/^[+-]?\.?\d/.test(text) || !(kinds.has("number") || integer.test(text))) return null;
  return literalToJson(text);
}

function plainListToJson(text: string): string {
  const inside = text.replace(/^\[/, "").replace(/\]$/, "");
  const items = inside.split(",").map((item) => item.trim().replace(/^(["'])(.*)\1$/s, "$2"));
  return JSON.stringify(items.filter((item) => item !== ""));
}

import { isDeepStrictEqual } from "node:util";

/** Equality of JSON values, as JSON Schema has it. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}

export function typeOfValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

/** Whether the value is of one of the types; `null` = any. */
export function hasType(value: unknown, types: readonly string[] | null): boolean {
  if (types === null) return true;
  const type = typeOfValue(value);
  return (
    types.includes(type) ||
    (type === "number" && types.includes("integer") && Number.isInteger(value))
  );
}

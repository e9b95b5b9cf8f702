import { grammarFault } from "../compile/grammar-fault.ts";

export type Schema = boolean | SchemaObject;
export type SchemaObject = Readonly<Record<string, unknown>>;

/** A schema and where it stands, as a JSON pointer from the root: `#/properties/a`. */
export interface Place {
  readonly schema: Schema;
  readonly path: string;
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function step(path: string, ...keys: readonly (string | number)[]): string {
  return keys.reduce<string>(
    (sum, key) => `${sum}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`,
    path,
  );
}

/** Throws the error that names keyword, place and remedy. */
export function refuseKeyword(path: string, keyword: string, why: string, remedy: string): never {
  throw grammarFault(`The JSON schema at ${path} has ${keyword}, ${why}; ${remedy}.`);
}

export function demandSchema(value: unknown, path: string): Place {
  if (typeof value === "boolean" || isObject(value)) return { schema: value, path };
  throw grammarFault(
    `The JSON schema at ${path} is ${JSON.stringify(value)?.slice(0, 40)}; a schema is an object, true or false.`,
  );
}

/** A count keyword's value. */
export function readCount(schema: SchemaObject, keyword: string, path: string): number | null {
  const value = schema[keyword];
  if (value === undefined) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 1_000_000) {
    return value;
  }
  return refuseKeyword(
    path,
    `${keyword} ${JSON.stringify(value)}`,
    "which is not a count",
    "give a whole number from 0 to 1000000",
  );
}

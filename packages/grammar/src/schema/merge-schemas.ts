// Two schemas that both must hold, as one: for allOf, and for keywords beside anyOf and $ref.

import { jsonEqual } from "./json-equal.ts";
import type { References } from "./references.ts";
import { annotations } from "./schema-keywords.ts";
import {
  isObject,
  type Place,
  refuseKeyword,
  type Schema,
  type SchemaObject,
} from "./schema-place.ts";

const maxDepth = 64;
const lowest = new Set(["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"]);
const highest = new Set(["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"]);

export function mergeSchemas(a: Place, b: Place, references: References, depth = 0): Schema {
  if (a.schema === true) return b.schema;
  if (b.schema === true) return a.schema;
  if (a.schema === false || b.schema === false) return false;
  if (depth > maxDepth) {
    refuseKeyword(b.path, "allOf", "which never ends when its parts are joined", "spell it out");
  }
  const left = expand({ schema: a.schema, path: a.path }, references, depth);
  const right = expand({ schema: b.schema, path: b.path }, references, depth);
  if (!isObject(left)) return left && b.schema;
  if (!isObject(right)) return right && a.schema;
  const out: Record<string, unknown> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const own = left[key];
    if (own === undefined || annotations.has(key) || jsonEqual(own, value)) out[key] ??= value;
    else out[key] = mergeKeyword(key, own, value);
  }
  mergeProperties(left, right, out);
  return out;

  function mergeKeyword(key: string, own: unknown, other: unknown): unknown {
    if (lowest.has(key)) return Math.min(own as number, other as number);
    if (highest.has(key)) return Math.max(own as number, other as number);
    switch (key) {
      case "type":
        return intersectTypes(listOf(own), listOf(other));
      case "required":
        return [...new Set([...(own as string[]), ...(other as string[])])];
      case "enum":
        return (own as unknown[]).filter((x) => (other as unknown[]).some((y) => jsonEqual(x, y)));
      case "properties":
        return own;
      case "uniqueItems":
        return own === true || other === true;
      case "nullable":
        return own === true && other === true;
      case "items":
      case "additionalProperties":
      case "propertyNames":
        return mergeSchemas(
          { schema: own as Schema, path: a.path },
          { schema: other as Schema, path: b.path },
          references,
          depth + 1,
        );
      case "anyOf":
      case "allOf":
        if (key === "allOf") return [...(own as Schema[]), ...(other as Schema[])];
        return (own as Schema[]).flatMap((x) =>
          (other as Schema[]).map((y) =>
            mergeSchemas(
              { schema: x, path: a.path },
              { schema: y, path: b.path },
              references,
              depth + 1,
            ),
          ),
        );
      default:
        return refuseKeyword(
          b.path,
          key,
          `which differs from the ${key} that must hold with it`,
          "say it once, in one schema",
        );
    }
  }

  /** What one side says of names that it does not list holds for those that the other lists. */
  function mergeProperties(x: SchemaObject, y: SchemaObject, into: Record<string, unknown>): void {
    if (!isObject(x.properties) && !isObject(y.properties)) return;
    const mine = isObject(x.properties) ? x.properties : {};
    const theirs = isObject(y.properties) ? y.properties : {};
    const merged: [string, unknown][] = [];
    for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
      const first = Object.hasOwn(mine, name) ? mine[name] : (x.additionalProperties ?? true);
      const second = Object.hasOwn(theirs, name) ? theirs[name] : (y.additionalProperties ?? true);
      merged.push([
        name,
        mergeSchemas(
          { schema: first as Schema, path: a.path },
          { schema: second as Schema, path: b.path },
          references,
          depth + 1,
        ),
      ]);
    }
    into.properties = Object.fromEntries(merged);
  }
}

/** Its reference put in place, so that keywords can be compared. */
function expand(place: Place, references: References, depth: number): Schema {
  const { schema, path } = place;
  if (!isObject(schema) || schema.$ref === undefined) return schema;
  const { $ref, ...rest } = schema;
  const target = references.resolve($ref, path);
  return mergeSchemas(target, { schema: rest, path }, references, depth + 1);
}

export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function intersectTypes(a: readonly unknown[], b: readonly unknown[]): unknown[] {
  const types = a.filter((type) => b.includes(type));
  if (!types.includes("integer")) {
    const isInteger =
      (a.includes("integer") && b.includes("number")) ||
      (b.includes("integer") && a.includes("number"));
    if (isInteger) types.push("integer");
  }
  return types;
}

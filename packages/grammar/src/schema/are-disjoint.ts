// Whether no value is valid under both schemas, as far as that can be seen: what makes oneOf the same as anyOf.
import { hasType, jsonEqual } from "./json-equal.ts";
import { listOf } from "./merge-schemas.ts";
import type { References } from "./references.ts";
import { isObject, type Place, type SchemaObject } from "./schema-place.ts";

const maxDepth = 4;

export function areDisjoint(a: Place, b: Place, references: References, depth = 0): boolean {
  const x = open(a, references);
  const y = open(b, references);
  if (x === null || y === null || depth > maxDepth) return x === null || y === null;
  const left = valuesOf(x);
  const right = valuesOf(y);
  if (left !== null && right !== null) {
    return !left.some((value) => right.some((other) => jsonEqual(value, other)));
  }
  if (left !== null) return !left.some((value) => hasType(value, typesOf(y)));
  if (right !== null) return !right.some((value) => hasType(value, typesOf(x)));
  const types = typesOf(x);
  const others = typesOf(y);
  if (types !== null && others !== null) {
    const wide = (list: readonly string[]) =>
      list.includes("number") ? [...list, "integer"] : list;
    if (!wide(types).some((type) => wide(others).includes(type))) return true;
  }
  return haveDisjointProperty(x, y, { a: a.path, b: b.path }, references, depth);
}

function haveDisjointProperty(
  x: SchemaObject,
  y: SchemaObject,
  paths: { a: string; b: string },
  references: References,
  depth: number,
): boolean {
  if (typesOf(x)?.join() !== "object" || typesOf(y)?.join() !== "object") return false;
  const mine = isObject(x.properties) ? x.properties : {};
  const theirs = isObject(y.properties) ? y.properties : {};
  const needs = (schema: SchemaObject, name: string) =>
    Array.isArray(schema.required) && schema.required.includes(name);
  const isClosed = (schema: SchemaObject) => schema.additionalProperties === false;
  for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const here = mine[name];
    const there = theirs[name];
    if (here === undefined) {
      if (needs(y, name) && isClosed(x)) return true;
      continue;
    }
    if (there === undefined) {
      if (needs(x, name) && isClosed(y)) return true;
      continue;
    }
    if (!needs(x, name) || !needs(y, name)) continue;
    const left = { schema: here as Place["schema"], path: paths.a };
    const right = { schema: there as Place["schema"], path: paths.b };
    if (areDisjoint(left, right, references, depth + 1)) return true;
  }
  return false;
}

/** `null` = nothing is valid. */
function open({ schema, path }: Place, references: References): SchemaObject | null {
  if (schema === false) return null;
  if (schema === true) return {};
  if (schema.$ref === undefined) return schema;
  const target = references.resolve(schema.$ref, path);
  return target.schema === false ? null : target.schema === true ? {} : { ...target.schema };
}

function valuesOf(schema: SchemaObject): readonly unknown[] | null {
  if (schema.const !== undefined) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}

/** `null` = any. Types that keywords imply do not count: without `type` other types are valid too. */
function typesOf(schema: SchemaObject): readonly string[] | null {
  if (schema.type === undefined) {
    return isObject(schema.properties) && Array.isArray(schema.required) ? ["object"] : null;
  }
  const types = listOf(schema.type) as string[];
  return schema.nullable === true ? [...types, "null"] : types;
}

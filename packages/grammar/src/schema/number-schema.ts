import { choice, type Node, never, text } from "../syntax/node.ts";
import { integerNode, numberNode } from "./json-nodes.ts";
import { type Bounds, integerRange, numberRange, scaledBounds } from "./number-range.ts";
import { refuseKeyword, type SchemaObject } from "./schema-place.ts";

/** Multiples within a range are written out up to so many. */
const maxMultiples = 10_000;

export function lowerNumber(schema: SchemaObject, isInteger: boolean, path: string): Node {
  const bounds = readBounds(schema, path);
  if (schema.multipleOf !== undefined) return lowerMultiples(schema, bounds, isInteger, path);
  if (bounds.min === null && bounds.max === null) return isInteger ? integerNode : numberNode;
  return isInteger ? integerRange(bounds) : numberRange(bounds);
}

function readBounds(schema: SchemaObject, path: string): Bounds {
  const read = (keyword: string): number | null => {
    const value = schema[keyword];
    if (value === undefined) return null;
    const isFit = typeof value === "number" && Math.abs(value) < 1e15;
    if (isFit && (value === 0 || Math.abs(value) >= 1e-15)) return value;
    return refuseKeyword(
      path,
      `${keyword} ${JSON.stringify(value)}`,
      "which is not a number that can be bounded by",
      "give a number between -1e15 and 1e15 with at most 15 digits behind the point",
    );
  };
  const [min, above] = [read("minimum"), read("exclusiveMinimum")];
  const [max, below] = [read("maximum"), read("exclusiveMaximum")];
  const isMinExclusive = above !== null && (min === null || above >= min);
  const isMaxExclusive = below !== null && (max === null || below <= max);
  return {
    min: isMinExclusive ? above : min,
    max: isMaxExclusive ? below : max,
    isMinExclusive,
    isMaxExclusive,
  };
}

function lowerMultiples(
  schema: SchemaObject,
  bounds: Bounds,
  isInteger: boolean,
  path: string,
): Node {
  const { multipleOf } = schema;
  const refuse = (why: string, remedy: string) =>
    refuseKeyword(path, `multipleOf ${JSON.stringify(multipleOf)}`, why, remedy);
  if (typeof multipleOf !== "number" || !Number.isInteger(multipleOf) || multipleOf <= 0) {
    return refuse("which is not a whole number above 0", "scale the value to whole units");
  }
  if (multipleOf === 1) {
    return isInteger || (bounds.min === null && bounds.max === null)
      ? lowerNumber({ ...schema, multipleOf: undefined }, true, path)
      : integerRange(bounds);
  }
  const { low, high } = scaledBounds(bounds, 0);
  const factor = BigInt(multipleOf);
  const first = ceilDivide(low, factor);
  const last = -ceilDivide(-high, factor);
  if (first > last) return never;
  if (last - first >= BigInt(maxMultiples)) {
    return refuse(
      `which leaves more than ${maxMultiples} values`,
      "give minimum and maximum closer together",
    );
  }
  const values: Node[] = [];
  for (let value = first; value <= last; value++) values.push(text(String(value * factor)));
  return choice(...values);
}

function ceilDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return quotient * by < value ? quotient + 1n : quotient;
}

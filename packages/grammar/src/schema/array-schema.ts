import { empty, type Node, never, optional, repeat, rule, sequence, text } from "../syntax/node.ts";
import { blankRule } from "./json-nodes.ts";
import { type Place, readCount, refuseKeyword, type SchemaObject, step } from "./schema-place.ts";

export function lowerArray(
  schema: SchemaObject,
  path: string,
  lower: (schema: unknown, path: string) => Node,
): Node {
  // Before 2020-12 a tuple was an array under `items`, its rest `additionalItems`.
  const isOldTuple = Array.isArray(schema.items);
  const prefixKey = isOldTuple ? "items" : "prefixItems";
  const restKey = isOldTuple ? "additionalItems" : "items";
  const prefix = readPrefix(schema[prefixKey], step(path, prefixKey));
  const hasRest = schema[restKey] !== undefined || prefix.length === 0;
  const rest = hasRest ? lower(schema[restKey] ?? true, step(path, restKey)) : never;
  const min = readCount(schema, "minItems", path) ?? 0;
  const max = readCount(schema, "maxItems", path) ?? Number.POSITIVE_INFINITY;
  if (
    schema.uniqueItems === true &&
    Math.min(max, rest.type === "never" ? prefix.length : max) > 1
  ) {
    refuseKeyword(
      path,
      "uniqueItems",
      "which no grammar can say",
      "leave it out, or list the allowed combinations as enum",
    );
  }
  if (min > max) return never;
  const blank = rule(blankRule);
  const comma = sequence(text(","), blank);

  let body: Node = empty;
  let isOpen = rest.type !== "never";
  const nodes: Node[] = [];
  for (const place of prefix.slice(0, max)) {
    const node = lower(place.schema, place.path);
    if (node.type === "never") {
      isOpen = false;
      break;
    }
    nodes.push(node);
  }
  const most = isOpen ? max : Math.min(max, nodes.length);
  if (min > most) return never;
  const restCount = (from: number) => ({ min: Math.max(0, min - from), max: most - from });
  if (isOpen && most > nodes.length) {
    const count = restCount(nodes.length);
    body =
      nodes.length === 0
        ? atLeastOne(rest, comma, count)
        : repeat(sequence(comma, rest), count.min, count.max);
  }
  for (let i = nodes.length - 1; i >= 0; i--) {
    const item = sequence(i === 0 ? empty : comma, nodes[i]!, body);
    body = i < min ? item : optional(item);
  }
  return sequence(text("["), blank, closeWith(body, blank), text("]"));
}

/** Between `count.min` and `count.max` items, none before them. */
function atLeastOne(item: Node, comma: Node, count: { min: number; max: number }): Node {
  const some = sequence(
    item,
    repeat(sequence(comma, item), Math.max(0, count.min - 1), count.max - 1),
  );
  return count.min === 0 ? optional(some) : some;
}

/** A blank before the bracket only where something stands between them. */
function closeWith(body: Node, blank: Node): Node {
  if (body.type === "empty") return empty;
  if (body.type === "repeat" && body.min === 0 && body.max === 1) {
    return optional(sequence(body.item, blank));
  }
  return sequence(body, blank);
}

function readPrefix(value: unknown, path: string): Place[] {
  if (!Array.isArray(value)) return [];
  return value.map((schema, i) => ({ schema, path: step(path, i) }));
}

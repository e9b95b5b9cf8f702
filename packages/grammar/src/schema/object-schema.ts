// Objects: listed properties in the schema's order, optional ones may be left out, then the others.
import { parseRegex } from "../regex/parse-regex.ts";
import { charSet, charsOf, subtract } from "../syntax/char-set.ts";
import {
  chars,
  choice,
  empty,
  type Node,
  never,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from "../syntax/node.ts";
import { blankRule, inString, keyChars, quoted } from "./json-nodes.ts";
import { isObject, readCount, refuseKeyword, type SchemaObject, step } from "./schema-place.ts";

export interface ObjectTools {
  lower(schema: unknown, path: string): Node;
  /** Makes a rule of the node and refers to it. */
  share(node: Node): Node;
}

interface Member {
  readonly node: Node;
  readonly isRequired: boolean;
}

export function lowerObject(schema: SchemaObject, path: string, tools: ObjectTools): Node {
  const members = listMembers(schema, path, tools);
  if (members === null) return never;
  const others = otherMembers(schema, path, tools);
  const counts = countOthers(schema, path, members, others);
  if (counts === null) return never;
  const blank = rule(blankRule);
  const comma = sequence(text(","), blank);
  const other = repeat(sequence(comma, others), counts.min, counts.max);

  // From the end: what may follow once something stands before it, and what may begin.
  let following: Node = other;
  let beginning: Node =
    counts.max === 0
      ? empty
      : sequence(
          others,
          repeat(sequence(comma, others), Math.max(0, counts.min - 1), counts.max - 1),
        );
  if (counts.min === 0) beginning = optional(beginning);
  for (const { node, isRequired } of [...members].reverse()) {
    const rest = following.type === "empty" ? following : tools.share(following);
    const asFirst = sequence(node, rest);
    beginning = isRequired ? asFirst : choice(asFirst, shareIfLarge(beginning, tools));
    const asNext = sequence(comma, node);
    following = sequence(isRequired ? asNext : optional(asNext), rest);
  }
  return sequence(text("{"), blank, closing(beginning, blank), text("}"));
}

function shareIfLarge(node: Node, tools: ObjectTools): Node {
  return node.type === "empty" || node.type === "rule" ? node : tools.share(node);
}

/** One blank between the last member and the brace, none in an empty object. */
function closing(body: Node, blank: Node): Node {
  if (body.type === "empty") return empty;
  return sequence(body, blank);
}

/** `null` = a required one can never be. */
function listMembers(schema: SchemaObject, path: string, tools: ObjectTools): Member[] | null {
  const properties = schema.properties ?? {};
  if (!isObject(properties)) {
    refuseKeyword(path, "properties", "which is not an object", "map each name to its schema");
  }
  const required = readRequired(schema, path);
  const names = [
    ...Object.keys(properties),
    ...required.filter((name) => !Object.hasOwn(properties, name)),
  ];
  const members: Member[] = [];
  for (const name of names) {
    const isListed = Object.hasOwn(properties, name);
    const value = isListed
      ? tools.lower(properties[name], step(path, "properties", name))
      : schema.additionalProperties === false
        ? never
        : tools.lower(schema.additionalProperties ?? true, step(path, "additionalProperties"));
    const isRequired = required.includes(name);
    if (value.type === "never") {
      if (isRequired) return null;
      continue;
    }
    const key = text(`${JSON.stringify(name)}:`);
    members.push({ node: sequence(key, rule(blankRule), value), isRequired });
  }
  return members;
}

function readRequired(schema: SchemaObject, path: string): string[] {
  const { required } = schema;
  if (required === undefined) return [];
  if (!Array.isArray(required) || required.some((name) => typeof name !== "string")) {
    refuseKeyword(path, "required", "which is not a list of names", "list property names");
  }
  return [...new Set(required as string[])];
}

/** A member whose name is not among the listed ones; `never` = there are none. */
function otherMembers(schema: SchemaObject, path: string, tools: ObjectTools): Node {
  const { patternProperties, propertyNames, additionalProperties } = schema;
  const names = [
    ...Object.keys((schema.properties as object) ?? {}),
    ...readRequired(schema, path),
  ];
  if (patternProperties !== undefined) return patternMembers(schema, path, names, tools);
  const isOpen = additionalProperties ?? (names.length === 0 || propertyNames !== undefined);
  if (isOpen === false) return never;
  const value = tools.lower(additionalProperties ?? true, step(path, "additionalProperties"));
  if (value.type === "never") return never;
  if (propertyNames === undefined) return member(quoted(nameOtherThan(names)), value);
  if (names.length > 0) {
    refuseKeyword(
      path,
      "propertyNames",
      "which cannot be combined with properties",
      "leave it out",
    );
  }
  const name = tools.lower(
    isObject(propertyNames) ? { type: "string", ...propertyNames } : propertyNames,
    step(path, "propertyNames"),
  );
  return name.type === "never" ? never : member(name, value);
}

function patternMembers(
  schema: SchemaObject,
  path: string,
  names: readonly string[],
  tools: ObjectTools,
): Node {
  const entries = Object.entries(schema.patternProperties as object);
  const isAlone = names.length === 0 && schema.propertyNames === undefined;
  if (entries.length !== 1 || !isAlone || (schema.additionalProperties ?? false) !== false) {
    refuseKeyword(
      path,
      "patternProperties",
      "which is supported with one pattern, no properties and no additionalProperties",
      "use that form, or propertyNames with additionalProperties",
    );
  }
  const [pattern, value] = entries[0]!;
  const where = `The patternProperties of the JSON schema at ${path}`;
  const key = quoted(inString(parseRegex(pattern, { mode: "search", where })));
  const node = tools.lower(value, step(path, "patternProperties", pattern));
  return node.type === "never" ? never : member(key, node);
}

function member(key: Node, value: Node): Node {
  return sequence(key, text(":"), rule(blankRule), value);
}

/** How many members that are not listed there may be; `null` = the object cannot be. */
function countOthers(
  schema: SchemaObject,
  path: string,
  members: readonly Member[],
  others: Node,
): { min: number; max: number } | null {
  const min = readCount(schema, "minProperties", path) ?? 0;
  const max = readCount(schema, "maxProperties", path) ?? Number.POSITIVE_INFINITY;
  const needed = members.filter(({ isRequired }) => isRequired).length;
  const open = others.type === "never" ? 0 : Number.POSITIVE_INFINITY;
  if (needed > max || (open === 0 && members.length < min)) return null;
  const areAllNeeded = needed === members.length;
  if (max < members.length && !areAllNeeded) {
    refuseKeyword(
      path,
      "maxProperties",
      "fewer than there are optional properties",
      "leave it out",
    );
  }
  if (min > needed && (open === 0 || !areAllNeeded || min > needed + 1)) {
    // Names of others may repeat, so two of them can be one property.
    refuseKeyword(
      path,
      "minProperties",
      "more than the required properties and one",
      "list them under required",
    );
  }
  return {
    min: Math.max(0, min - needed),
    max: open === 0 ? 0 : Math.max(0, max - members.length),
  };
}

/** A name without escapes, so that no spelling of a listed one is among them. */
function nameOtherThan(names: readonly string[]): Node {
  const rest = repeat(chars(keyChars), 0);
  if (names.length === 0) return rest;
  const here = new Set(names.filter((name) => name !== ""));
  const byFirst = new Map<string, string[]>();
  for (const name of here) {
    const [first = ""] = name;
    byFirst.set(first, [...(byFirst.get(first) ?? []), name.slice(first.length)]);
  }
  const listed = charSet(
    [...byFirst.keys()].map((c) => [c.codePointAt(0)!, c.codePointAt(0)!] as const),
  );
  const branches = [...byFirst].flatMap(([first, tails]) => {
    const set = charsOf(first);
    if (subtract(set, keyChars).length > 0 || set.length === 0) return [];
    return [sequence(chars(set), nameOtherThan(tails))];
  });
  const other = sequence(chars(subtract(keyChars, listed)), rest);
  return names.includes("") ? choice(other, ...branches) : optional(choice(other, ...branches));
}

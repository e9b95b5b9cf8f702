// JSON Schema to a grammar of the JSON texts that are valid under it. Every keyword is either kept or refused by name;
// where the schema leaves more open than a grammar can say, fewer texts are allowed, never more.
import { grammarFault } from "../compile/grammar-fault.ts";
import { parseRegex } from "../regex/parse-regex.ts";
import { choice, type Grammar, type Node, never, rule, text } from "../syntax/node.ts";
import { areDisjoint } from "./are-disjoint.ts";
import { lowerArray } from "./array-schema.ts";
import { hasType } from "./json-equal.ts";
import { defaultBlank, valueRule, valueRules } from "./json-nodes.ts";
import { listOf, mergeSchemas } from "./merge-schemas.ts";
import { lowerNumber } from "./number-schema.ts";
import { lowerObject } from "./object-schema.ts";
import { References } from "./references.ts";
import {
  annotations,
  combinators,
  type JsonType,
  jsonTypes,
  remedies,
  typeOfKeyword,
} from "./schema-keywords.ts";
import {
  demandSchema,
  isObject,
  type Place,
  refuseKeyword,
  type Schema,
  type SchemaObject,
  step,
} from "./schema-place.ts";
import { lowerString } from "./string-schema.ts";

const maxDepth = 256;
const maxSchemas = 50_000;

/** `whitespacePattern`: what may stand between tokens of JSON; `null` = the default. */
export function schemaToGrammar(schema: unknown, whitespacePattern: string | null = null): Grammar {
  const blank =
    whitespacePattern === null
      ? defaultBlank
      : parseRegex(whitespacePattern, { mode: "anchored", where: "whitespace_pattern" });
  const root = demandSchema(schema, "#");
  const lowering = new Lowering(root.schema, valueRules(blank));
  return { root: "schema", rules: lowering.run(root) };
}

class Lowering {
  readonly #rules: Map<string, Node>;
  readonly #references: References;
  /** Rule names by where the schema stands. */
  readonly #referred = new Map<string, string>();
  #depth = 0;
  #count = 0;

  constructor(root: Schema, rules: readonly [string, Node][]) {
    this.#rules = new Map(rules);
    this.#references = new References(root);
  }

  run(root: Place): Map<string, Node> {
    this.#referred.set("#", "schema");
    this.#rules.set("schema", never);
    this.#rules.set("schema", this.#lower(root));
    return this.#rules;
  }

  #lower(place: Place): Node {
    if (++this.#depth > maxDepth) {
      throw grammarFault(
        `The JSON schema is nested over ${maxDepth} deep at ${place.path.slice(0, 200)}; use $ref for what repeats.`,
      );
    }
    if (++this.#count > maxSchemas) {
      throw grammarFault(
        `The JSON schema has more than ${maxSchemas} parts once its combinations are written out; make it smaller.`,
      );
    }
    const node = this.#lowerPart(place);
    this.#depth--;
    return node;
  }

  #lowerPart({ schema, path }: Place): Node {
    if (schema === true) return rule(valueRule);
    if (schema === false) return never;
    checkKeywords(schema, path);
    if (schema.$ref !== undefined) return this.#reference(schema, path);
    for (const keyword of ["allOf", "anyOf", "oneOf"] as const) {
      if (schema[keyword] !== undefined) return this.#combine(keyword, schema, path);
    }
    if (schema.const !== undefined || schema.enum !== undefined) return this.#values(schema, path);
    const types = readTypes(schema, path);
    return choice(...types.map((type) => this.#typed(type, schema, path)));
  }

  #typed(type: JsonType, schema: SchemaObject, path: string): Node {
    switch (type) {
      case "null":
        return text("null");
      case "boolean":
        return choice(text("true"), text("false"));
      case "string":
        return lowerString(schema, path);
      case "integer":
      case "number":
        return lowerNumber(schema, type === "integer", path);
      case "array":
        return lowerArray(schema, path, (part, at) => this.#lower(demandSchema(part, at)));
      case "object":
        return lowerObject(schema, path, {
          lower: (part, at) => this.#lower(demandSchema(part, at)),
          share: (node) => this.#share(node),
        });
    }
  }

  #share(node: Node): Node {
    const name = `part-${this.#rules.size}`;
    this.#rules.set(name, node);
    return rule(name);
  }

  #reference(schema: SchemaObject, path: string): Node {
    const target = this.#references.resolve(schema.$ref, path);
    const { $ref: _, ...rest } = schema;
    if (Object.keys(rest).every(isAnnotation)) return this.#referTo(target);
    return this.#lower({
      schema: mergeSchemas(target, { schema: rest, path }, this.#references),
      path,
    });
  }

  #referTo(target: Place): Node {
    const known = this.#referred.get(target.path);
    if (known !== undefined) return rule(known);
    const name = `at-${target.path}`;
    this.#referred.set(target.path, name);
    this.#rules.set(name, never);
    this.#rules.set(name, this.#lower(target));
    return rule(name);
  }

  #combine(keyword: "allOf" | "anyOf" | "oneOf", schema: SchemaObject, path: string): Node {
    const branches = schema[keyword];
    if (!Array.isArray(branches) || branches.length === 0) {
      refuseKeyword(path, keyword, "which is not a list of schemas", "give at least one");
    }
    const places = branches.map((branch, i) => demandSchema(branch, step(path, keyword, i)));
    for (const { schema: part, path: at } of places) if (isObject(part)) checkKeywords(part, at);
    const { [keyword]: _, ...rest } = schema;
    const base = { schema: rest, path };
    if (keyword === "allOf") {
      const merged = places.reduce<Place>(
        (all, part) => ({ schema: mergeSchemas(all, part, this.#references), path }),
        base,
      );
      return this.#lower(merged);
    }
    if (keyword === "oneOf") this.#demandDisjoint(places, path);
    const isBare = Object.keys(rest).every(isAnnotation);
    return choice(
      ...places.map((part) =>
        this.#lower(
          isBare ? part : { schema: mergeSchemas(base, part, this.#references), path: part.path },
        ),
      ),
    );
  }

  #demandDisjoint(places: readonly Place[], path: string): void {
    for (const [i, a] of places.entries()) {
      for (const [j, b] of places.slice(i + 1).entries()) {
        if (areDisjoint(a, b, this.#references)) continue;
        refuseKeyword(
          path,
          "oneOf",
          `whose branches ${i} and ${i + 1 + j} may both hold`,
          "use anyOf, or give each branch a required property with a const of its own",
        );
      }
    }
  }

  #values(schema: SchemaObject, path: string): Node {
    const { enum: list, const: constant } = schema;
    if (list !== undefined && (!Array.isArray(list) || list.length === 0)) {
      refuseKeyword(path, "enum", "which is not a list of values", "list at least one");
    }
    for (const key of Object.keys(schema)) {
      if (typeOfKeyword[key] === undefined) continue;
      const keyword = list === undefined ? "const" : "enum";
      refuseKeyword(path, key, `which cannot be combined with ${keyword}`, "leave it out");
    }
    const values =
      constant === undefined
        ? (list as unknown[])
        : list === undefined || (list as unknown[]).some((value) => hasSameText(value, constant))
          ? [constant]
          : [];
    const types = schema.type === undefined ? null : readTypes(schema, path);
    const texts = values
      .filter((value) => hasType(value, types))
      .map((value) => JSON.stringify(value));
    return choice(...[...new Set(texts)].map(text));
  }
}

function hasSameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isAnnotation(keyword: string): boolean {
  return annotations.has(keyword) || keyword.startsWith("x-");
}

function checkKeywords(schema: SchemaObject, path: string): void {
  for (const [keyword, value] of Object.entries(schema)) {
    if (value === undefined || isAnnotation(keyword) || combinators.has(keyword)) continue;
    if (Object.hasOwn(typeOfKeyword, keyword)) continue;
    // Says where the schema itself is to be found: nothing within it needs that, for references are local.
    if (keyword === "$id" && path === "#") continue;
    const remedy = remedies.get(keyword) ?? "leave it out";
    refuseKeyword(path, keyword, "which is not supported", remedy);
  }
}

/** Without `type`, those that the other keywords speak of; without any, all. */
function readTypes(schema: SchemaObject, path: string): JsonType[] {
  const known: ReadonlySet<unknown> = new Set([...jsonTypes, "integer"]);
  let types: JsonType[];
  if (schema.type === undefined) {
    const implied = new Set(
      Object.keys(schema).flatMap((key) =>
        Object.hasOwn(typeOfKeyword, key) ? [typeOfKeyword[key]!] : [],
      ),
    );
    types = implied.size > 0 ? [...implied] : [...jsonTypes];
  } else {
    const given = listOf(schema.type);
    for (const type of given) {
      if (known.has(type)) continue;
      refuseKeyword(
        path,
        `type ${JSON.stringify(type)}`,
        "which does not exist",
        `use ${[...jsonTypes, "integer"].join(", ")}`,
      );
    }
    types = given as JsonType[];
  }
  if (schema.nullable === true && !types.includes("null")) types = [...types, "null"];
  // Every integer is a number.
  return types.filter((type) => type !== "integer" || !types.includes("number"));
}

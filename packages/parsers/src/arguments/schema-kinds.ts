export type ValueKind = "string" | "integer" | "number" | "boolean" | "object" | "array" | "null";

type Schema = Readonly<Record<string, unknown>>;

const aliases: Readonly<Record<string, ValueKind>> = {
  string: "string",
  str: "string",
  text: "string",
  integer: "integer",
  int: "integer",
  number: "number",
  float: "number",
  boolean: "boolean",
  bool: "boolean",
  object: "object",
  dict: "object",
  array: "array",
  list: "array",
  null: "null",
};
const maxRefs = 16;

/** The kinds of value that a JSON Schema admits, as far as it says; empty when it does not say. `root` resolves `$ref`. */
export function schemaKinds(schema: unknown, root: unknown, refs = 0): ReadonlySet<ValueKind> {
  const kinds = new Set<ValueKind>();
  if (!isSchema(schema) || refs > maxRefs) return kinds;
  const { type, $ref } = schema;
  for (const one of Array.isArray(type) ? type : [type]) {
    const kind = typeof one === "string" ? aliases[one] : undefined;
    if (kind !== undefined) kinds.add(kind);
  }
  if (kinds.size > 0) return kinds;
  if (typeof $ref === "string") return schemaKinds(resolve($ref, root), root, refs + 1);
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const list = schema[key];
    for (const one of Array.isArray(list) ? list : []) {
      for (const kind of schemaKinds(one, root, refs + 1)) kinds.add(kind);
    }
  }
  const values = Array.isArray(schema.enum) ? schema.enum : [];
  for (const value of "const" in schema ? [...values, schema.const] : values) {
    kinds.add(kindOf(value));
  }
  if (kinds.size === 0 && isSchema(schema.properties)) kinds.add("object");
  if (kinds.size === 0 && "items" in schema) kinds.add("array");
  return kinds;
}

/** The schema of one property of an object schema; undefined when it declares none. */
export function schemaOfProperty(schema: unknown, key: string, root: unknown): unknown {
  const target =
    isSchema(schema) && typeof schema.$ref === "string" ? resolve(schema.$ref, root) : schema;
  if (!isSchema(target)) return undefined;
  const { properties } = target;
  return isSchema(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

function kindOf(value: unknown): ValueKind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  const type = typeof value;
  if (type === "number") return Number.isInteger(value) ? "integer" : "number";
  return type === "boolean" || type === "object" ? type : "string";
}

/** A reference within the document: `#/$defs/x`. */
function resolve(ref: string, root: unknown): unknown {
  if (!ref.startsWith("#")) return undefined;
  let target = root;
  for (const part of ref.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isSchema(target) || !Object.hasOwn(target, key)) return undefined;
    target = target[key];
  }
  return target;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null;
}

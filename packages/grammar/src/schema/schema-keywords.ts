// The keywords of JSON Schema by what is done with them. One that stands nowhere here is refused by name.

export type JsonType = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";
export const jsonTypes: readonly JsonType[] = [
  "object",
  "array",
  "string",
  "number",
  "boolean",
  "null",
];

/** Say nothing about what is valid. `x-...` too. */
export const annotations: ReadonlySet<string> = new Set([
  "$schema",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "example",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "strict",
]);

/** Assertions that concern one type alone. */
export const typeOfKeyword: Readonly<Record<string, JsonType>> = {
  properties: "object",
  required: "object",
  additionalProperties: "object",
  patternProperties: "object",
  propertyNames: "object",
  minProperties: "object",
  maxProperties: "object",
  items: "array",
  prefixItems: "array",
  additionalItems: "array",
  minItems: "array",
  maxItems: "array",
  uniqueItems: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  format: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
};

export const combinators: ReadonlySet<string> = new Set([
  "$ref",
  "type",
  "enum",
  "const",
  "nullable",
  "allOf",
  "anyOf",
  "oneOf",
]);

/** What to do without a keyword that no grammar can say, or not this one. */
export const remedies: ReadonlyMap<string, string> = new Map([
  ["not", "say what is allowed instead (enum, pattern, anyOf)"],
  ["if", "write the cases as anyOf"],
  ["then", "write the cases as anyOf"],
  ["else", "write the cases as anyOf"],
  ["contains", "describe all items with items, or the first ones with prefixItems"],
  ["minContains", "describe all items with items"],
  ["maxContains", "describe all items with items"],
  ["dependentRequired", "write the cases as anyOf"],
  ["dependentSchemas", "write the cases as anyOf"],
  ["dependencies", "write the cases as anyOf"],
  ["unevaluatedProperties", "use additionalProperties"],
  ["unevaluatedItems", "use items"],
  ["$id", "refer to $defs by #/$defs/<name>"],
  ["$anchor", "refer to $defs by #/$defs/<name>"],
  ["$dynamicRef", "use $ref"],
  ["$dynamicAnchor", "use $ref"],
  ["$recursiveRef", 'use $ref: "#"'],
]);

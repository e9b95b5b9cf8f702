import { parseRegex } from "../regex/parse-regex.ts";
import { type Node, never, repeat } from "../syntax/node.ts";
import { inString, quoted, stringNode } from "./json-nodes.ts";
import { readCount, refuseKeyword, type SchemaObject } from "./schema-place.ts";
import { stringFormats } from "./string-formats.ts";
import { textLength } from "./text-length.ts";

export function lowerString(schema: SchemaObject, path: string): Node {
  const minLength = readCount(schema, "minLength", path) ?? 0;
  const maxLength = readCount(schema, "maxLength", path) ?? Number.POSITIVE_INFINITY;
  if (minLength > maxLength) return never;
  const content = contentOf(schema, path);
  if (content === null) return stringNode(minLength, maxLength);
  const fitted = fitLength(content.node, minLength, maxLength);
  if (fitted !== null) return quoted(inString(fitted));
  const keyword = schema.minLength === undefined ? "maxLength" : "minLength";
  return refuseKeyword(
    path,
    keyword,
    `which cannot be combined with this ${content.keyword}`,
    `put the length into the pattern, for example ^[a-z]{1,10}$`,
  );
}

function contentOf(schema: SchemaObject, path: string): { node: Node; keyword: string } | null {
  const { pattern, format } = schema;
  if (pattern !== undefined && format !== undefined) {
    refuseKeyword(path, "pattern", "which cannot be combined with format", "use one of them");
  }
  if (pattern !== undefined) {
    if (typeof pattern !== "string") {
      refuseKeyword(path, "pattern", "which is not a string", "give a regular expression");
    }
    const where = `The pattern of the JSON schema at ${path}`;
    return { node: parseRegex(pattern, { mode: "search", where }), keyword: "pattern" };
  }
  if (format === undefined) return null;
  const known = typeof format === "string" ? stringFormats[format] : undefined;
  if (known === undefined || !Object.hasOwn(stringFormats, format as string)) {
    return refuseKeyword(
      path,
      `format ${JSON.stringify(format)}`,
      "which is not supported",
      `use one of ${Object.keys(stringFormats).join(", ")}, or a pattern`,
    );
  }
  return { node: parseRegex(known, { mode: "anchored", where: "format" }), keyword: "format" };
}

/** The same texts, only those of the lengths; `null` = that cannot be said. */
function fitLength(node: Node, min: number, max: number): Node | null {
  const length = textLength(node);
  if (length.min >= min && length.max <= max) return node;
  if (length.min > max || length.max < min) return never;
  if (node.type === "repeat" && node.item.type === "chars") {
    return repeat(node.item, Math.max(node.min, min), Math.min(node.max, max));
  }
  return null;
}

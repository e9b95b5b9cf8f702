// From the parts of a form to the body that the same request has as JSON. The route's schema says which fields are no texts.
import { isUtf8 } from "node:buffer";
import { DynError, toJsonSchema } from "@dyn/protocol";
import type { z } from "zod";
import { badForm } from "../errors/gateway-errors.ts";
import { parseJson } from "../validation/parse-json.ts";
import type { JsonLimits } from "../validation/scan-json.ts";
import { imageTypeOf } from "./image-type.ts";
import type { FormPart } from "./read-form.ts";

type Body = Record<string, unknown>;
type JsonSchema = Readonly<Record<string, unknown>>;

export type FormToBody = (parts: readonly FormPart[], limits: JsonLimits) => Body;

const pathPattern = /^([^[\]]+)((?:\[[^[\]]*\])*)$/;
const maxDepth = 4;
const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Files become data URLs. `a[b]` is a field of `a`, `a[]` one more of a list, as OpenAI's clients write them; a plain name
 * that comes again makes a list of files too. Throws InvalidArgumentError that names the part.
 */
export function createFormToBody(schema: z.ZodType): FormToBody {
  const document = toJsonSchema(schema);
  return (parts, limits) => {
    const body: Body = {};
    for (const part of parts) {
      const path = toPath(part.name);
      const value =
        part.fileName === null ? toValue(part, typesAt(document, path), limits) : toDataUrl(part);
      put(body, path, value, part);
    }
    return body;
  };
}

/** `""` in it: one more of a list. */
function toPath(name: string): readonly string[] {
  const match = pathPattern.exec(name);
  if (match === null) throw badForm("is no name of a field: it is like a, a[] or a[b].", name);
  const [, head, rest = ""] = match;
  const path = [head!, ...[...rest.matchAll(/\[([^[\]]*)\]/g)].map(([, key]) => key!)];
  if (path.length > maxDepth) throw badForm(`is deeper than ${maxDepth} levels.`, name);
  if (path.slice(0, -1).includes("")) throw badForm("has [] before its end.", name);
  return path;
}

function put(body: Body, path: readonly string[], value: unknown, part: FormPart): void {
  const keys = path.at(-1) === "" ? path.slice(0, -1) : path;
  let place = body;
  for (const key of keys.slice(0, -1)) {
    const inner = own(place, key) ?? set(place, key, {});
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) {
      throw badForm("stands beside a field of its own name without brackets.", part.name);
    }
    place = inner as Body;
  }
  const key = keys.at(-1)!;
  const before = own(place, key);
  const isList = keys.length < path.length;
  if (before === undefined) set(place, key, isList ? [value] : value);
  else if (isList && Array.isArray(before)) before.push(value);
  else if (part.fileName !== null) set(place, key, [...toList(before), value]);
  else throw badForm("is there twice.", part.name);
}

function own(place: Body, key: string): unknown {
  return Object.hasOwn(place, key) ? place[key] : undefined;
}

/** A field may be called __proto__ as any other. */
function set(place: Body, key: string, value: unknown): unknown {
  Object.defineProperty(place, key, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
  return value;
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** What is not of the form that the schema wants stays text, and the check of the body says so. */
function toValue(
  { name, bytes }: FormPart,
  types: ReadonlySet<string>,
  limits: JsonLimits,
): unknown {
  if (!isUtf8(bytes)) throw badForm("has bytes that are not UTF-8.", name);
  const text = bytes.toString("utf8");
  if (types.has("string") || types.size === 0) return text;
  if (types.has("boolean") && (text === "true" || text === "false")) return text === "true";
  if ((types.has("number") || types.has("integer")) && numberPattern.test(text)) {
    return Number(text);
  }
  if (types.has("object")) return toObject(name, bytes, limits);
  return text;
}

function toObject(name: string, bytes: Buffer, limits: JsonLimits): unknown {
  try {
    return parseJson(bytes, limits);
  } catch (error) {
    if (!DynError.is(error)) throw error;
    throw badForm("must be an object as JSON, or come in parts like this[field].", name);
  }
}

function toDataUrl({ name, mediaType, bytes }: FormPart): string {
  if (bytes.length === 0) throw badForm("is an empty file.", name);
  const type = imageTypeOf(bytes) ?? (/^[\w.+-]+\/[\w.+-]+$/.test(mediaType) ? mediaType : octets);
  return `data:${type};base64,${bytes.toString("base64")}`;
}

const octets = "application/octet-stream";

/** Types that JSON Schema names for the place; none: it says nothing of it. */
function typesAt(document: JsonSchema, path: readonly string[]): ReadonlySet<string> {
  let branches = branchesOf(document);
  for (const key of path) {
    branches = branches.flatMap((schema) => {
      const inner = key === "" ? schema.items : own((schema.properties ?? {}) as Body, key);
      return inner === undefined ? [] : branchesOf(inner as JsonSchema);
    });
  }
  return new Set(branches.flatMap(({ type }) => (type === undefined ? [] : (type as string))));
}

function branchesOf(schema: JsonSchema): readonly JsonSchema[] {
  const { anyOf, oneOf } = schema as { readonly [key: string]: readonly JsonSchema[] | undefined };
  const inner = anyOf ?? oneOf;
  return inner === undefined ? [schema] : inner.flatMap(branchesOf);
}

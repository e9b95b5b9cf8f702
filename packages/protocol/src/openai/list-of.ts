import { z } from "zod";
import { whenType } from "./when-type.ts";

/** What the entries of such a list or object are: zod cannot see it, JSON Schema should say it. */
const entrySchemas = new WeakMap<
  z.ZodType,
  { readonly entry: z.ZodType; readonly isList: boolean }
>();

/** For the writer of JSON Schemas; `undefined` for schemas of other makes. */
export function entrySchemaOf(schema: z.ZodType) {
  return entrySchemas.get(schema);
}

/**
 * A list that is given up at its first bad entry: a list of a million wrong values costs one issue, not a million.
 * `error` is said of a value that is no list, or one too short or too long.
 */
export function listOf<Item>(
  item: z.ZodType<Item>,
  options: { readonly min?: number; readonly max: number; readonly error: string },
) {
  const { min = 0, max, error } = options;
  const list = z
    .array(z.unknown(), { error })
    .min(min, whenType("list", error))
    .max(max, whenType("list", error))
    .transform((values, context) => {
      const items: Item[] = [];
      for (const [index, value] of values.entries()) {
        const parsed = item.safeParse(value);
        if (!parsed.success) {
          addIssues(context, parsed.error.issues, index, value);
          return z.NEVER;
        }
        items.push(parsed.data);
      }
      return items;
    });
  entrySchemas.set(list, { entry: item, isList: true });
  return list;
}

/** The same for an object whose keys are free and whose values are alike. */
export function recordOf<Value>(
  key: z.ZodType<string>,
  value: z.ZodType<Value>,
  options: { readonly max: number; readonly error: string },
) {
  const { max, error } = options;
  const object = z
    .record(z.string(), z.unknown(), { error })
    .refine((record) => Object.keys(record).length <= max, { error })
    .transform((record, context) => {
      const entries: [string, Value][] = [];
      for (const [name, entry] of Object.entries(record)) {
        const parsedKey = key.safeParse(name);
        const parsed = value.safeParse(entry);
        if (!parsedKey.success || !parsed.success) {
          const { issues } = (parsedKey.success ? parsed : parsedKey).error!;
          addIssues(context, issues, name, entry);
          return z.NEVER;
        }
        entries.push([name, parsed.data]);
      }
      return Object.fromEntries(entries);
    });
  entrySchemas.set(object, { entry: value, isList: false });
  return object;
}

/** Token ids, checked in one quick pass: a prompt may have a million. */
export function tokenIdList(error: string) {
  return z
    .custom<number[]>(
      (value) => Array.isArray(value) && value.length > 0 && value.every(isTokenId),
      { error },
    )
    .meta({ override: { type: "array", minItems: 1, items: { type: "integer", minimum: 0 } } });
}

function isTokenId(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 0xffff_ffff && Number.isInteger(value);
}

function addIssues(
  context: z.core.$RefinementCtx,
  issues: readonly z.core.$ZodIssue[],
  at: PropertyKey,
  input: unknown,
): void {
  for (const issue of issues) {
    context.issues.push({ ...issue, path: [at, ...issue.path], input } as z.core.$ZodRawIssue);
  }
}

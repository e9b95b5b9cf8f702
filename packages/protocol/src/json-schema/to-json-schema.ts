// The schemas as JSON Schema, for documents and other languages.
import { z } from "zod";
import { entrySchemaOf } from "../openai/list-of.ts";

type JsonSchema = Record<string, unknown>;

/** Draft 2020-12, which OpenAPI 3.1 takes. `input`: what may be sent; `output`: what comes. */
export function toJsonSchema(schema: z.ZodType, io: "input" | "output" = "input"): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      const target = jsonSchema as JsonSchema;
      const own = z.globalRegistry.get(zodSchema as unknown as z.ZodType)?.override as
        | JsonSchema
        | undefined;
      if (own !== undefined) {
        for (const key of Object.keys(target)) delete target[key];
        Object.assign(target, own);
        return;
      }
      // An i64 or u64 is a number of JSON's as any other.
      if (zodSchema._zod.def.type === "bigint") {
        target.type = "integer";
        // Zod's own conversion passes their bounds over.
        const { minValue } = zodSchema as unknown as z.ZodBigInt;
        if (minValue != null) target.minimum = Number(minValue);
        return;
      }
      const entries = entrySchemaOf(zodSchema as unknown as z.ZodType);
      if (entries === undefined) return;
      target[entries.isList ? "items" : "additionalProperties"] = toJsonSchema(entries.entry, io);
    },
  }) as JsonSchema;
  return json;
}

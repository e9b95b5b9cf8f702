// The files below docs/reference/schemas/v1, as they should be. A change that refuses what was valid makes a v2.
import { toJsonSchema } from "../src/index.ts";
import { type SchemaEntry, schemaCatalog } from "./schema-catalog.ts";

const version = "v1";

export const schemaFolder = new URL(`../../../docs/reference/schemas/${version}/`, import.meta.url);

export function documentOf({ name, title, schema }: SchemaEntry): Record<string, unknown> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: `urn:dyn:${version}:${name}`,
    title,
    ...toJsonSchema(schema),
  };
}

/** Written by the package whose schema it is: `pnpm --filter @dyn/args reference`. */
export const foreignEntries: readonly Pick<SchemaEntry, "name" | "title">[] = [
  { name: "disagg-config", title: "The file of dyn-worker's --disagg-config" },
];

/** Text by path below the folder. */
export function schemaFiles(): ReadonlyMap<string, string> {
  const index = [...schemaCatalog, ...foreignEntries].map((entry) => ({
    name: entry.name,
    title: entry.title,
    schema: `${entry.name}.json`,
    examples: `examples/${entry.name}.json`,
  }));
  return new Map([
    ["index.json", toText({ version, draft: "2020-12", schemas: index })],
    ...schemaCatalog.flatMap((entry): [string, string][] => [
      [`${entry.name}.json`, toText(documentOf(entry))],
      [`examples/${entry.name}.json`, toText({ valid: entry.valid, invalid: entry.invalid })],
    ]),
  ]);
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

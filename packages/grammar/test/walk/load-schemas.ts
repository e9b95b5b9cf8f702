import { readdirSync, readFileSync } from "node:fs";

export interface SchemaCase {
  readonly name: string;
  readonly schema: boolean | Record<string, unknown>;
}

/** Every schema of test/schemas, named by its file. */
export function loadSchemas(): SchemaCase[] {
  const folder = new URL("../schemas/", import.meta.url);
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const cases = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as SchemaCase[];
      return cases.map((each) => ({ ...each, name: `${file.replace(".json", "")}: ${each.name}` }));
    });
}

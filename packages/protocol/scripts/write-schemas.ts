/** Writes docs/reference/schemas from the schemas: `pnpm --filter @dyn/protocol schemas`. What another package writes there stays. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { foreignEntries, schemaFiles, schemaFolder } from "./schema-files.ts";

const files = schemaFiles();
const foreign = foreignEntries.flatMap(({ name }) => [`${name}.json`, `examples/${name}.json`]);
for (const path of readdirSync(schemaFolder, { recursive: true, encoding: "utf8" })) {
  if (!path.endsWith(".json") || files.has(path) || foreign.includes(path)) continue;
  rmSync(new URL(path, schemaFolder));
}
for (const [path, text] of files) {
  const url = new URL(path, schemaFolder);
  mkdirSync(new URL(".", url), { recursive: true });
  writeFileSync(url, text);
}

/** Writes docs/reference/schemas from the schemas: `pnpm --filter @dyn/protocol schemas`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { schemaFiles, schemaFolder } from "./schema-files.ts";

rmSync(schemaFolder, { recursive: true, force: true });
for (const [path, text] of schemaFiles()) {
  const url = new URL(path, schemaFolder);
  mkdirSync(new URL(".", url), { recursive: true });
  writeFileSync(url, text);
}

/** Writes docs/reference/*-flags.md and the JSON Schema of configuration files from the schemas: `pnpm --filter @dyn/args reference`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { referencePages } from "./reference-pages.ts";

for (const [url, text] of referencePages()) {
  mkdirSync(new URL(".", url), { recursive: true });
  writeFileSync(url, text);
}

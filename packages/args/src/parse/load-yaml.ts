import { createRequire } from "node:module";
import type * as Yaml from "yaml";

/** The yaml library, loaded on first use: most starts need no file. */
export function loadYaml(): typeof Yaml {
  return createRequire(import.meta.url)("yaml") as typeof Yaml;
}

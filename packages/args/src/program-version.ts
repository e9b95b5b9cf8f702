import { createRequire } from "node:module";

/**
 * Version of this package, which is released together with the programs that use it.
 * The path holds for src/program-version.ts and for dist/index.js, which contains it.
 */
export const programVersion: string = (
  createRequire(import.meta.url)("../package.json") as { readonly version: string }
).version;

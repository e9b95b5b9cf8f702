import { mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

/** `pnpm interop`: with real Dynamo beside us, one test at a time. */
const config = mergeConfig(base, {
  test: { fileParallelism: false, testTimeout: 120_000, hookTimeout: 300_000 },
});
config.test.include = ["packages/*/interop/**/*.test.ts"];
export default config;

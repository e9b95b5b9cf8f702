import { defineConfig } from "tsup";

/** How every package is built: run as `tsup --config ../../tsup.config.ts`; tsc writes the types. */
export default defineConfig({
  entry: ["src/{index,chat,main,program}.ts", "src/**/*.worker.ts"],
  format: "esm",
  target: "node20",
  sourcemap: true,
  clean: true,
});

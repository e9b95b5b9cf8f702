// `pnpm --filter @dyn/kv-events run wasm`: compiles the files of wasm/ into those of src that carry their bytes.
import { writeFileSync } from "node:fs";
import { compileWasm } from "./compile-wasm.ts";
import { moduleText } from "./module-text.ts";
import { wasmSources } from "./wasm-sources.ts";

for (const source of wasmSources) {
  writeFileSync(source.target, moduleText(source, await compileWasm(source)));
}

// `pnpm --filter @dyn/kv-events run wasm`: compiles wasm/xxh3.ts into src/hashing/xxh3-wasm.ts.
import { writeFileSync } from "node:fs";
import { compileWasm } from "./compile-wasm.ts";
import { moduleText } from "./module-text.ts";

const target = new URL("../src/hashing/xxh3-wasm.ts", import.meta.url);
writeFileSync(target, moduleText(await compileWasm()));

import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";
import type { WasmSource } from "./wasm-sources.ts";

/** Compiles a file of wasm/; the same bytes for the same compiler version. */
export async function compileWasm({ source, flags }: WasmSource): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main(
    [
      `${source}.ts`,
      ...["--baseDir", fileURLToPath(new URL("../wasm/", import.meta.url))],
      ...["--outFile", `${source}.wasm`, "-O3", "--noAssert", "--runtime", "stub"],
      "--importMemory",
      ...flags,
    ],
    {
      writeFile(name, contents) {
        if (name.endsWith(".wasm")) binary = Buffer.from(contents);
      },
    },
  );
  if (error !== null || binary === undefined) {
    throw new Error(`wasm/${source}.ts does not compile: ${stderr.toString()}`, { cause: error });
  }
  return binary;
}

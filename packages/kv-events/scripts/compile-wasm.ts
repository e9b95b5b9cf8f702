import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

/** Compiles wasm/xxh3.ts; the same bytes for the same compiler version. */
export async function compileWasm(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await main(
    [
      "xxh3.ts",
      ...["--baseDir", fileURLToPath(new URL("../wasm/", import.meta.url))],
      ...["--outFile", "xxh3.wasm", "-O3", "--noAssert", "--runtime", "stub", "--importMemory"],
    ],
    {
      writeFile(name, contents) {
        if (name.endsWith(".wasm")) binary = Buffer.from(contents);
      },
    },
  );
  if (error !== null || binary === undefined) {
    throw new Error(`wasm/xxh3.ts does not compile: ${stderr.toString()}`, { cause: error });
  }
  return binary;
}

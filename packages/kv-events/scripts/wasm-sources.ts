/** A module in AssemblyScript, and the TypeScript file that carries its bytes. */
export interface WasmSource {
  /** File of wasm/, without its ending. */
  readonly source: string;
  readonly flags: readonly string[];
  readonly target: URL;
  /** The constant that holds the bytes as Base64. */
  readonly constant: string;
}

export const wasmSources: readonly WasmSource[] = [
  {
    source: "xxh3",
    flags: [],
    target: new URL("../src/hashing/xxh3-wasm.ts", import.meta.url),
    constant: "xxh3Wasm",
  },
  {
    source: "block-core",
    // Shared, so that growing leaves the views on it as they are; no other thread ever sees it.
    flags: ["--sharedMemory", "--enable", "threads", "--maximumMemory", "65536"],
    target: new URL("../src/index/block-core-wasm.ts", import.meta.url),
    constant: "blockCoreWasm",
  },
];

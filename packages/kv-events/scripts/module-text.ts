import type { WasmSource } from "./wasm-sources.ts";

/** The TypeScript file that carries the compiled bytes. */
export function moduleText({ source, constant }: WasmSource, binary: Uint8Array): string {
  const lines =
    Buffer.from(binary)
      .toString("base64")
      .match(/.{1,96}/g) ?? [];
  return `// Compiled from wasm/${source}.ts by \`pnpm --filter @dyn/kv-events run wasm\`; a test keeps the two equal.
// biome-ignore format: one line of Base64 after the other
export const ${constant} =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`;
}

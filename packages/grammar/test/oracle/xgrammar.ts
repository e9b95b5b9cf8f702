// The reference: xgrammar as WebAssembly. A UMD file in a package of ES modules, so it is compiled as CommonJS by hand.
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import type * as XGrammar from "@mlc-ai/web-xgrammar";

export function loadXGrammar(): typeof XGrammar {
  const path = createRequire(import.meta.url).resolve("@mlc-ai/web-xgrammar");
  const module = new Module(path) as Module & { _compile(source: string, path: string): void };
  module.filename = path;
  module.paths = [];
  module._compile(readFileSync(path, "utf8"), path.replace(/\.js$/, ".cjs"));
  return module.exports as typeof XGrammar;
}

/** A token's bytes as byte-level vocabularies write them. */
export function toByteLetters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => letters[byte]!).join("");
}

const letters = makeLetters();

function makeLetters(): string[] {
  const isPlain = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPlain(byte) ? byte : next++),
  );
}

import { grammarFault } from "../compile/grammar-fault.ts";

const mark = "g1:";

/** The tokens, 32 bits each, as base64. */
export function writeState(tokens: readonly number[]): string {
  const words = Uint32Array.from(tokens);
  return mark + Buffer.from(words.buffer).toString("base64");
}

export function readState(state: string): Uint32Array {
  const bytes = Buffer.from(state.slice(mark.length), "base64");
  if (!state.startsWith(mark) || bytes.length % 4 !== 0) {
    throw grammarFault(
      "The saved state is not one of a grammar matcher; pass what save() returned.",
    );
  }
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

// The characters by which byte-level vocabularies write bytes (GPT-2's table).

/** `byteLetters[byte]` is its character. */
export const byteLetters: readonly string[] = makeLetters();

const byteOfLetter: ReadonlyMap<string, number> = new Map(
  byteLetters.map((letter, byte) => [letter, byte]),
);

function makeLetters(): string[] {
  const isPlain = (byte: number): boolean =>
    (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPlain(byte) ? byte : next++),
  );
}

/** The bytes that a byte-level token stands for; a token with a foreign character stands for its own UTF-8. */
export function byteLevelTokenToBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfLetter.get(token[i]!);
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

// Decoding of byte-level vocabularies by table: text for tokens that are whole characters, bytes for the rest.
import { byteLevelTokenToBytes } from "../bytes/byte-alphabet.ts";
import { Utf8Stream } from "../bytes/utf8-stream.ts";
import type { IncrementalDecoder } from "../contract/tokenizer.ts";

export interface ByteLevelTable {
  /** By id; undefined: see `bytes`. */
  readonly texts: readonly (string | undefined)[];
  /** Only of tokens that are not whole UTF-8. */
  readonly bytes: ReadonlyMap<number, Uint8Array>;
}

export function createByteLevelTable(tokens: readonly (string | undefined)[]): ByteLevelTable {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const bytes = new Map<number, Uint8Array>();
  const texts = tokens.map((token, id) => {
    if (token === undefined) return "";
    const tokenBytes = byteLevelTokenToBytes(token);
    if (tokenBytes.every((byte) => byte < 128)) return String.fromCharCode(...tokenBytes);
    try {
      return strict.decode(tokenBytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      bytes.set(id, tokenBytes);
      return undefined;
    }
  });
  return { texts, bytes };
}

/** `skipped`: special tokens to leave out. */
export class ByteLevelTableDecoder implements IncrementalDecoder {
  readonly #table: ByteLevelTable;
  readonly #skipped: ReadonlySet<number>;
  readonly #stream = new Utf8Stream();

  constructor(table: ByteLevelTable, skipped: ReadonlySet<number>) {
    this.#table = table;
    this.#skipped = skipped;
  }

  push(ids: ArrayLike<number>): string {
    const { texts, bytes } = this.#table;
    let out = "";
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (this.#skipped.has(id)) continue;
      const text = texts[id];
      if (text === undefined) {
        const part = bytes.get(id);
        if (part !== undefined) out += this.#stream.push(part);
      } else if (this.#stream.isEmpty || text === "") {
        out += text;
      } else {
        out += this.#stream.flush() + text;
      }
    }
    return out;
  }

  flush(): string {
    return this.#stream.flush();
  }
}

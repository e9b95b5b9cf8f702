// Text before the grammar begins: anything, until a marker has come. What follows the marker in its last token counts.
import type { TokenTrie } from "../vocabulary/token-trie.ts";

export class StartMarker {
  readonly #marker: Buffer;
  readonly #trie: TokenTrie;
  /** Every token that adds to the text, special ones included. */
  readonly #anyToken: Int32Array;
  /** Tokens that may hold the marker's end with more behind it. */
  readonly #crossing: readonly number[];

  constructor(marker: string, trie: TokenTrie) {
    this.#marker = Buffer.from(marker);
    this.#trie = trie;
    this.#anyToken = trie.special.slice();
    const last = this.#marker[this.#marker.length - 1]!;
    const crossing: number[] = [];
    for (let id = 0; id < trie.vocabSize; id++) {
      const bytes = tokenText(trie, id);
      if (bytes.length === 0) continue;
      this.#anyToken[id >>> 5]! |= 1 << (id & 31);
      const at = bytes.indexOf(last);
      if (at >= 0 && at < bytes.length - 1) crossing.push(id);
    }
    this.#crossing = crossing;
  }

  fillMask(mask: Int32Array, tail: Buffer, mayFollow: (rest: Buffer) => boolean): void {
    mask.set(this.#anyToken);
    for (const id of this.#crossing) {
      const rest = this.push(tail, id);
      if (Buffer.isBuffer(rest) && !mayFollow(rest)) mask[id >>> 5]! &= ~(1 << (id & 31));
    }
  }

  /** What follows the marker, once it is complete; until then the new tail. `null` = the token is no text. */
  push(tail: Buffer, tokenId: number): Buffer | { readonly tail: Buffer } | null {
    const bytes = tokenText(this.#trie, tokenId);
    if (bytes.length === 0) return null;
    const text = Buffer.concat([tail, bytes]);
    const at = text.indexOf(this.#marker);
    if (at >= 0) return text.subarray(at + this.#marker.length);
    return { tail: text.subarray(Math.max(0, text.length - this.#marker.length + 1)) };
  }
}

export function tokenText(trie: TokenTrie, id: number): Buffer {
  if (!(id >= 0 && id < trie.vocabSize)) return Buffer.alloc(0);
  const { tokenBytes, starts } = trie;
  return Buffer.from(
    tokenBytes.buffer,
    tokenBytes.byteOffset + starts[id]!,
    starts[id + 1]! - starts[id]!,
  );
}

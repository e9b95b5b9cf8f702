/** What one piece of text became: a single id, or several. */
export type WordIds = number | Int32Array;

const MAX_ENTRIES = 65_536;
const MAX_WORD_CHARS = 64;

/**
 * Pieces that were seen, bounded in entries and bytes: full, it starts anew (at most 65 536 words of
 * at most 64 characters and 192 ids, so never above ~60 MB and in practice near 10).
 */
export class WordCache {
  #words = new Map<string, WordIds>();

  get(piece: string): WordIds | undefined {
    return this.#words.get(piece);
  }

  set(piece: string, ids: WordIds): void {
    if (piece.length > MAX_WORD_CHARS) return;
    if (this.#words.size >= MAX_ENTRIES) this.#words = new Map();
    this.#words.set(piece, ids);
  }
}

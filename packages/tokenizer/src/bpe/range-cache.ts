// Words that were seen and their ids, found by their place in a text: no string is made to look one up.
// Bounded: 65 536 words, 1 Mi characters and 512 Ki ids (5 MB); full, it starts anew.

const MAX_WORDS = 65_536;
const MAX_WORD_CHARS = 64;
const TABLE_SIZE = 4 * MAX_WORDS;
const CHARS = 1 << 20;
const IDS = 1 << 19;

export class RangeCache {
  /** Ids of all words, one word after the other. */
  readonly ids = new Int32Array(IDS);
  /** By word: where its ids begin in `ids`, and how many they are. */
  readonly idStarts = new Int32Array(MAX_WORDS);
  readonly idCounts = new Uint8Array(MAX_WORDS);
  /** Slot to word + 1; 0: free. */
  readonly #table = new Int32Array(TABLE_SIZE);
  readonly #chars = new Uint16Array(CHARS);
  readonly #charStarts = new Int32Array(MAX_WORDS);
  readonly #charCounts = new Uint8Array(MAX_WORDS);
  #words = 0;
  #charsUsed = 0;
  #idsUsed = 0;
  /** Where the last word that was not found would stand. */
  #slot = 0;

  /** The word at text[start, end); -1: not seen, or too long to be kept. */
  find(text: string, start: number, end: number): number {
    const length = end - start;
    if (length > MAX_WORD_CHARS) return -1;
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1);
    hash ^= hash >>> 15;
    let slot = hash & (TABLE_SIZE - 1);
    for (let word = this.#table[slot]!; word !== 0; word = this.#table[slot]!) {
      if (this.#isAt(word - 1, text, start, length)) return word - 1;
      slot = (slot + 1) & (TABLE_SIZE - 1);
    }
    this.#slot = slot;
    return -1;
  }

  /** Keeps the word that `find` has just not found, with the first `count` of `ids`. */
  add(text: string, start: number, end: number, ids: ArrayLike<number>, count: number): void {
    const length = end - start;
    if (length > MAX_WORD_CHARS || count > 255) return;
    const isFull =
      this.#words === MAX_WORDS || this.#charsUsed + length > CHARS || this.#idsUsed + count > IDS;
    if (isFull) {
      this.#clear();
      this.find(text, start, end);
    }
    const word = this.#words++;
    this.#table[this.#slot] = word + 1;
    this.#charStarts[word] = this.#charsUsed;
    this.#charCounts[word] = length;
    for (let i = start; i < end; i++) this.#chars[this.#charsUsed++] = text.charCodeAt(i);
    this.idStarts[word] = this.#idsUsed;
    this.idCounts[word] = count;
    for (let i = 0; i < count; i++) this.ids[this.#idsUsed++] = ids[i]!;
  }

  #isAt(word: number, text: string, start: number, length: number): boolean {
    if (this.#charCounts[word] !== length) return false;
    const from = this.#charStarts[word]!;
    for (let i = 0; i < length; i++) {
      if (this.#chars[from + i] !== text.charCodeAt(start + i)) return false;
    }
    return true;
  }

  #clear(): void {
    this.#table.fill(0);
    this.#words = 0;
    this.#charsUsed = 0;
    this.#idsUsed = 0;
  }
}

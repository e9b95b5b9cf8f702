// The fast path: byte-level BPE (GPT-2, Llama 3, Qwen and their kin). One piece of text in, its ids out.
import { byteLetters } from "../bytes/byte-alphabet.ts";
import type { IdList } from "../pipeline/id-list.ts";
import type { MergeTable } from "./merge-table.ts";
import { mergeWord } from "./merge-word.ts";
import { RangeCache } from "./range-cache.ts";

export interface ByteLevelBpeOptions {
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: MergeTable;
  /** A piece that is a token as a whole needs no merging (Llama 3). */
  readonly ignoreMerges: boolean;
}

export class ByteLevelBpe {
  readonly #byteIds: Int32Array;
  readonly #merges: MergeTable;
  readonly #whole: ReadonlyMap<string, number> | null;
  readonly #cache = new RangeCache();
  #bytes = Buffer.alloc(256);
  #symbols = new Int32Array(256);

  /** Every byte must have a token. */
  constructor(options: ByteLevelBpeOptions) {
    this.#byteIds = Int32Array.from(byteLetters, (letter) => options.vocab.get(letter) ?? -1);
    this.#merges = options.merges;
    this.#whole = options.ignoreMerges ? options.vocab : null;
  }

  /** The ids of text[start, end), which is one piece. */
  encode(text: string, start: number, end: number, out: IdList): void {
    const cache = this.#cache;
    const word = cache.find(text, start, end);
    if (word < 0) {
      const count = this.#merge(text.slice(start, end));
      cache.add(text, start, end, this.#symbols, count);
      out.pushAll(this.#symbols, count);
      return;
    }
    const first = cache.idStarts[word]!;
    const last = first + cache.idCounts[word]!;
    for (let i = first; i < last; i++) out.push(cache.ids[i]!);
  }

  /** Leaves the ids in `#symbols`; returns how many they are. */
  #merge(piece: string): number {
    if (this.#bytes.length < piece.length * 3) {
      this.#bytes = Buffer.alloc(piece.length * 4);
      this.#symbols = new Int32Array(piece.length * 4);
    }
    const byteCount = this.#bytes.write(piece, "utf8");
    const symbols = this.#symbols;
    const whole = this.#wholeToken(byteCount);
    if (whole !== undefined) {
      symbols[0] = whole;
      return 1;
    }
    for (let i = 0; i < byteCount; i++) symbols[i] = this.#byteIds[this.#bytes[i]!]!;
    return mergeWord(symbols, byteCount, this.#merges);
  }

  #wholeToken(byteCount: number): number | undefined {
    if (this.#whole === null) return undefined;
    let token = "";
    for (let i = 0; i < byteCount; i++) token += byteLetters[this.#bytes[i]!];
    return this.#whole.get(token);
  }
}

// The fast path: byte-level BPE (GPT-2, Llama 3, Qwen and their kin). One piece of text in, its ids out.
import { byteLetters } from "../bytes/byte-alphabet.ts";
import type { IdList } from "../pipeline/id-list.ts";
import type { MergeTable } from "./merge-table.ts";
import { mergeWord } from "./merge-word.ts";
import { WordCache } from "./word-cache.ts";

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
  readonly #cache = new WordCache();
  #bytes = Buffer.alloc(256);
  #symbols = new Int32Array(256);

  /** Every byte must have a token. */
  constructor(options: ByteLevelBpeOptions) {
    this.#byteIds = Int32Array.from(byteLetters, (letter) => options.vocab.get(letter) ?? -1);
    this.#merges = options.merges;
    this.#whole = options.ignoreMerges ? options.vocab : null;
  }

  encode(piece: string, out: IdList): void {
    const known = this.#cache.get(piece);
    if (known === undefined) this.#encodeNew(piece, out);
    else if (typeof known === "number") out.push(known);
    else out.pushAll(known, known.length);
  }

  #encodeNew(piece: string, out: IdList): void {
    if (this.#bytes.length < piece.length * 3) {
      this.#bytes = Buffer.alloc(piece.length * 4);
      this.#symbols = new Int32Array(piece.length * 4);
    }
    const byteCount = this.#bytes.write(piece, "utf8");
    const symbols = this.#symbols;
    const whole = this.#wholeToken(byteCount);
    if (whole !== undefined) {
      this.#cache.set(piece, whole);
      out.push(whole);
      return;
    }
    for (let i = 0; i < byteCount; i++) symbols[i] = this.#byteIds[this.#bytes[i]!]!;
    const count = mergeWord(symbols, byteCount, this.#merges);
    this.#cache.set(piece, count === 1 ? symbols[0]! : symbols.slice(0, count));
    out.pushAll(symbols, count);
  }

  #wholeToken(byteCount: number): number | undefined {
    if (this.#whole === null) return undefined;
    let token = "";
    for (let i = 0; i < byteCount; i++) token += byteLetters[this.#bytes[i]!];
    return this.#whole.get(token);
  }
}

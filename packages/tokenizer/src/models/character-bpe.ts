// BPE over characters (SentencePiece-like and the older kinds), with unknowns and byte fallback.

import type { MergeTable } from "../bpe/merge-table.ts";
import { mergeWord } from "../bpe/merge-word.ts";
import { WordCache } from "../bpe/word-cache.ts";
import type { Component } from "../file/tokenizer-json.ts";
import type { IdList } from "../pipeline/id-list.ts";
import { readByteTokens } from "./byte-tokens.ts";
import type { PieceModel } from "./piece-model.ts";

/** null: dropout, or an unknown token that the vocabulary lacks. */
export function createCharacterBpe(
  model: Component,
  vocab: ReadonlyMap<string, number>,
  merges: MergeTable,
): PieceModel | null {
  const unknown = typeof model.unk_token === "string" ? vocab.get(model.unk_token) : -1;
  return model.dropout || unknown === undefined
    ? null
    : new CharacterBpe(model, vocab, merges, unknown);
}

const utf8 = new TextEncoder();

class CharacterBpe implements PieceModel {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #merges: MergeTable;
  readonly #byteIds: Int32Array | null;
  /** -1: unknown characters are dropped. */
  readonly #unknown: number;
  readonly #fusesUnknown: boolean;
  readonly #ignoresMerges: boolean;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #cache = new WordCache();

  constructor(
    model: Component,
    vocab: ReadonlyMap<string, number>,
    merges: MergeTable,
    unknown: number,
  ) {
    this.#vocab = vocab;
    this.#merges = merges;
    this.#byteIds = model.byte_fallback === true ? readByteTokens(vocab) : null;
    this.#unknown = unknown;
    this.#fusesUnknown = model.fuse_unk === true;
    this.#ignoresMerges = model.ignore_merges === true;
    this.#prefix = String(model.continuing_subword_prefix ?? "");
    this.#suffix = String(model.end_of_word_suffix ?? "");
  }

  encode(piece: string, out: IdList): void {
    const known = this.#cache.get(piece);
    if (typeof known === "number") out.push(known);
    else if (known !== undefined) out.pushAll(known, known.length);
    else {
      const ids = this.#encodeNew(piece);
      this.#cache.set(piece, ids.length === 1 ? ids[0]! : ids);
      out.pushAll(ids, ids.length);
    }
  }

  #encodeNew(piece: string): Int32Array {
    const whole = this.#ignoresMerges ? this.#vocab.get(piece) : undefined;
    if (whole !== undefined) return Int32Array.of(whole);
    const symbols = Int32Array.from(this.#symbols(piece));
    return symbols.subarray(0, mergeWord(symbols, symbols.length, this.#merges));
  }

  /** An unknown character waits, so that the next one can join it; byte tokens do not end its waiting. */
  #symbols(piece: string): number[] {
    const symbols: number[] = [];
    let isWaiting = false;
    let at = 0;
    for (const char of piece) {
      const head = at > 0 ? this.#prefix : "";
      at += char.length;
      const text = head + char + (at === piece.length ? this.#suffix : "");
      const id = this.#vocab.get(text);
      if (id !== undefined) {
        if (isWaiting) symbols.push(this.#unknown);
        isWaiting = false;
        symbols.push(id);
      } else if (!this.#pushBytes(text, symbols) && this.#unknown >= 0) {
        if (isWaiting && !this.#fusesUnknown) symbols.push(this.#unknown);
        isWaiting = true;
      }
    }
    if (isWaiting) symbols.push(this.#unknown);
    return symbols;
  }

  #pushBytes(text: string, symbols: number[]): boolean {
    const ids = this.#byteIds;
    if (ids === null) return false;
    const bytes = utf8.encode(text);
    if (bytes.some((byte) => ids[byte] === -1)) return false;
    for (const byte of bytes) symbols.push(ids[byte]!);
    return true;
  }
}

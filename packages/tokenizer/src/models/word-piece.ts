import { WordCache } from "../bpe/word-cache.ts";
import type { Component } from "../file/tokenizer-json.ts";
import type { PieceModel } from "./piece-model.ts";

/** The longest known beginning, then the longest continuations; a word with an unknown part is unknown. */
export function createWordPiece(
  model: Component,
  vocab: ReadonlyMap<string, number>,
): PieceModel | null {
  const unknown = vocab.get(String(model.unk_token ?? "[UNK]"));
  const prefix = String(model.continuing_subword_prefix ?? "##");
  const maxChars = Number(model.max_input_chars_per_word ?? 100);
  if (unknown === undefined) return null;
  const cache = new WordCache();
  return {
    encode(piece, out) {
      let ids = cache.get(piece);
      if (ids === undefined) {
        const parts = cutWord([...piece], vocab, prefix, maxChars);
        ids = parts === null ? unknown : parts.length === 1 ? parts[0]! : Int32Array.from(parts);
        cache.set(piece, ids);
      }
      if (typeof ids === "number") out.push(ids);
      else out.pushAll(ids, ids.length);
    },
  };
}

/** null: a part is unknown, or the word is longer than words may be. */
function cutWord(
  chars: readonly string[],
  vocab: ReadonlyMap<string, number>,
  prefix: string,
  maxChars: number,
): number[] | null {
  if (chars.length > maxChars) return null;
  const ids: number[] = [];
  let start = 0;
  while (start < chars.length) {
    const head = start > 0 ? prefix : "";
    let end = chars.length;
    let id = vocab.get(head + chars.slice(start, end).join(""));
    while (id === undefined && end > start + 1) {
      end--;
      id = vocab.get(head + chars.slice(start, end).join(""));
    }
    if (id === undefined) return null;
    ids.push(id);
    start = end;
  }
  return ids;
}

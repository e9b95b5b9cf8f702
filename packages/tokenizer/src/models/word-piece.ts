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
  return {
    encode(piece, out) {
      const chars = [...piece];
      const ids: number[] = [];
      let start = 0;
      while (start < chars.length && chars.length <= maxChars) {
        const head = start > 0 ? prefix : "";
        let end = chars.length;
        let id: number | undefined;
        for (; end > start && id === undefined; end--) {
          id = vocab.get(head + chars.slice(start, end).join(""));
        }
        if (id === undefined) break;
        ids.push(id);
        start = end + 1;
      }
      if (start < chars.length) out.push(unknown);
      else out.pushAll(ids, ids.length);
    },
  };
}

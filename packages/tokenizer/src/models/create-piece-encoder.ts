// The way of all families that are not byte-level: pieces by the pre-tokenizer, ids by the model.
import { readMerges } from "../bpe/read-merges.ts";
import type { TokenizerJson } from "../file/tokenizer-json.ts";
import type { EncodeText } from "../pipeline/encode-text.ts";
import { createPreTokenizer } from "../pipeline/pre-tokenizer.ts";
import { createCharacterBpe } from "./character-bpe.ts";
import type { PieceModel } from "./piece-model.ts";
import { createUnigram } from "./unigram.ts";
import { createWordLevel } from "./word-level.ts";
import { createWordPiece } from "./word-piece.ts";

/** null: the file needs something that is not known here. */
export function createPieceEncoder(
  json: TokenizerJson,
  vocab: ReadonlyMap<string, number>,
  where: string,
): EncodeText | null {
  const preTokenize = createPreTokenizer(json.preTokenizer);
  const model = preTokenize === null ? null : createModel(json, vocab, where);
  if (preTokenize === null || model === null) return null;
  return (text, start, out) => {
    const { texts } = preTokenize({ texts: [text], startsInput: start === 0 });
    for (const piece of texts) model.encode(piece, out);
  };
}

function createModel(
  { model }: TokenizerJson,
  vocab: ReadonlyMap<string, number>,
  where: string,
): PieceModel | null {
  switch (model.type) {
    case "BPE":
      return createCharacterBpe(model, vocab, readMerges(model, vocab, where));
    case "WordPiece":
      return createWordPiece(model, vocab);
    case "WordLevel":
      return createWordLevel(model, vocab);
    case "Unigram":
      return createUnigram(model, vocab);
    default:
      return null;
  }
}

// Puts a tokenizer together: the fast path where the file's parts are known, the library where not.
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { createByteLevelEncoder } from "./bpe/create-byte-level-encoder.ts";
import type { Tokenizer } from "./contract/tokenizer.ts";
import { createTokenDecoders } from "./decode/create-token-decoders.ts";
import { TokenizerFileError } from "./file/tokenizer-file-error.ts";
import { type JsonObject, readTokenizerJson } from "./file/tokenizer-json.ts";
import { createVocabulary } from "./file/vocabulary.ts";
import { createPieceEncoder } from "./models/create-piece-encoder.ts";
import { createNormalizer } from "./pipeline/normalizer.ts";
import { PipelineTokenizer } from "./pipeline/pipeline-tokenizer.ts";
import { readSpecialFrame } from "./pipeline/post-processor.ts";

/**
 * `tokenizerJson` is the parsed tokenizer.json. `tokenizerConfig` (tokenizer_config.json) is only read by
 * the library. Throws TokenizerFileError; `where` names the file in it.
 */
export function createTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig: JsonObject = {},
  where = "tokenizer.json",
): Tokenizer {
  const json = readTokenizerJson(tokenizerJson, where);
  const normalize = createNormalizer(json.normalizer);
  const vocabulary = createVocabulary(json, normalize ?? ((text) => text), where);
  const frame = readSpecialFrame(json.postProcessor);
  const encodeText =
    normalize === null || frame === null
      ? null
      : (createByteLevelEncoder(json, vocabulary.model, where) ??
        createPieceEncoder(json, vocabulary.model, where));
  if (createTokenDecoders(json.decoder) === null) {
    throw new TokenizerFileError(
      where,
      `the decoder ${JSON.stringify(json.decoder)} is not one that this package knows.`,
    );
  }
  const common = { vocabulary, decoder: json.decoder };
  if (normalize !== null && frame !== null && encodeText !== null) {
    return new PipelineTokenizer({ ...common, encoder: { normalize, encodeText, frame } });
  }
  const library = new LibraryTokenizer(tokenizerJson as object, {
    ...tokenizerConfig,
    clean_up_tokenization_spaces: false,
  });
  return new PipelineTokenizer({ ...common, encoder: library });
}

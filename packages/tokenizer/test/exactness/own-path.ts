// Exactness is only worth what it says when our own code ran: no family may slip to the library.
import { createByteLevelEncoder } from "../../src/bpe/create-byte-level-encoder.ts";
import { readTokenizerJson } from "../../src/file/tokenizer-json.ts";
import { createVocabulary } from "../../src/file/vocabulary.ts";
import { createPieceEncoder } from "../../src/models/create-piece-encoder.ts";
import { createNormalizer } from "../../src/pipeline/normalizer.ts";

export function findOwnPath(file: unknown): "byte level" | "pieces" | "library" {
  const json = readTokenizerJson(file, "file");
  const { model } = createVocabulary(json, (text) => text, "file");
  if (createNormalizer(json.normalizer) === null) return "library";
  if (createByteLevelEncoder(json, model, "file") !== null) return "byte level";
  return createPieceEncoder(json, model, "file") === null ? "library" : "pieces";
}

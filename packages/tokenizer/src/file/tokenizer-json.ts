// The form of tokenizer.json, checked once: everything behind this file may trust its types.
import { TokenizerFileError } from "./tokenizer-file-error.ts";

/** A normaliser, pre-tokenizer, post-processor or decoder as the file has it. */
export interface Component {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface AddedTokenEntry {
  readonly id: number;
  readonly content: string;
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

export interface TokenizerJson {
  readonly addedTokens: readonly AddedTokenEntry[];
  readonly normalizer: Component | null;
  readonly preTokenizer: Component | null;
  readonly postProcessor: Component | null;
  readonly decoder: Component | null;
  readonly model: Component;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `where` names the file in errors. */
export function readTokenizerJson(value: unknown, where: string): TokenizerJson {
  if (!isJsonObject(value))
    throw new TokenizerFileError(where, "holds JSON that is not an object.");
  const component = (field: string): Component | null => {
    const part = value[field];
    if (part === null || part === undefined) return null;
    if (isJsonObject(part) && typeof part.type === "string") return part as Component;
    throw new TokenizerFileError(
      where,
      `field "${field}" must be null or an object with a "type".`,
    );
  };
  return {
    addedTokens: readAddedTokens(value.added_tokens ?? [], where),
    normalizer: component("normalizer"),
    preTokenizer: component("pre_tokenizer"),
    postProcessor: component("post_processor"),
    decoder: component("decoder"),
    model: readModel(value.model, where),
  };
}

/** Old files leave the model's type out; its fields tell which it is. */
function readModel(model: unknown, where: string): Component {
  if (!isJsonObject(model) || !isVocab(model.vocab)) {
    throw new TokenizerFileError(where, 'field "model" must be an object with a "vocab".');
  }
  if (typeof model.type === "string") return model as Component;
  const type = Array.isArray(model.merges)
    ? "BPE"
    : Array.isArray(model.vocab)
      ? "Unigram"
      : "continuing_subword_prefix" in model
        ? "WordPiece"
        : "WordLevel";
  return { ...model, type };
}

const isVocab = (value: unknown): boolean => Array.isArray(value) || isJsonObject(value);

function readAddedTokens(list: unknown, where: string): AddedTokenEntry[] {
  if (!Array.isArray(list))
    throw new TokenizerFileError(where, 'field "added_tokens" must be a list.');
  return list.map((entry: unknown, index) => {
    if (!isJsonObject(entry) || typeof entry.content !== "string" || !isId(entry.id)) {
      throw new TokenizerFileError(
        where,
        `field "added_tokens[${index}]" must have a text "content" and a whole number "id".`,
      );
    }
    const special = entry.special === true;
    return {
      id: entry.id,
      content: entry.content,
      singleWord: entry.single_word === true,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
      normalized: entry.normalized === undefined ? !special : entry.normalized === true,
      special,
    };
  });
}

export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;
}

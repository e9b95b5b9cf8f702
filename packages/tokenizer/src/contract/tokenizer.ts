import type { TextPart } from "./text-part.ts";

export interface EncodeOptions {
  /** Runs the post-processor (BOS and the like). Default false: chat templates write them. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. Default true. */
  readonly skipSpecialTokens?: boolean;
}

/**
 * A model's tokenizer: text to ids and back, exactly as Hugging Face `tokenizers` does it.
 * Synchronous; long prompts belong in a TokenizerPool.
 */
export interface Tokenizer {
  /** Highest id + 1, added tokens included. */
  readonly vocabSize: number;
  /** Added and special tokens inside the text become their ids. Lone surrogates count as U+FFFD. */
  encode(text: string, options?: EncodeOptions): Uint32Array;
  /**
   * Cuts a text at its added tokens, here as their ids: those and the ids of the parts, joined, are the text's.
   * `null`: over 8,192 parts.
   */
  split(text: string, options?: EncodeOptions): (number | TextPart)[] | null;
  encodePart(part: TextPart): Uint32Array;
  /** Ids outside the vocabulary decode to nothing. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  tokenToId(token: string): number | undefined;
  /** The token as the vocabulary writes it. */
  idToToken(id: number): string | undefined;
  /** The bytes that the token stands for in text; empty for ids outside the vocabulary. */
  idToBytes(id: number): Uint8Array;
  isSpecial(id: number): boolean;
  createDecoder(options?: DecodeOptions): IncrementalDecoder;
}

/**
 * Text of one stream, token by token.
 * The pieces joined, with `flush()` at the end, equal `decode` of all ids;
 * no piece ends within a character.
 */
export interface IncrementalDecoder {
  /** Text that became certain by these ids; may be empty. */
  push(ids: ArrayLike<number>): string;
  /** What was held back: half a character becomes U+FFFD. The decoder can be used again from the start. */
  flush(): string;
}

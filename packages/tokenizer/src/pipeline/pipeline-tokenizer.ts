import type { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { type AddedTokenSplitter, createAddedTokenSplitter } from "../added/added-tokens.ts";
import { byteLevelTokenToBytes } from "../bytes/byte-alphabet.ts";
import type { TextPart } from "../contract/text-part.ts";
import type {
  DecodeOptions,
  EncodeOptions,
  IncrementalDecoder,
  Tokenizer,
} from "../contract/tokenizer.ts";
import {
  type ByteLevelTable,
  ByteLevelTableDecoder,
  createByteLevelTable,
} from "../decode/byte-level-table.ts";
import { ChainDecoder } from "../decode/chain-decoder.ts";
import { createTokenDecoders } from "../decode/create-token-decoders.ts";
import type { Component } from "../file/tokenizer-json.ts";
import type { Vocabulary } from "../file/vocabulary.ts";
import type { EncodeText } from "./encode-text.ts";
import { IdList } from "./id-list.ts";
import type { Normalize } from "./normalizer.ts";
import type { SpecialFrame } from "./post-processor.ts";

export interface Encoder {
  readonly normalize: Normalize;
  readonly encodeText: EncodeText;
  readonly frame: SpecialFrame;
}

export interface PipelineTokenizerOptions {
  readonly vocabulary: Vocabulary;
  readonly decoder: Component | null;
  readonly encoder: Encoder | LibraryTokenizer;
}

const none: ReadonlySet<number> = new Set();

/** Handling more would take longer than encoding in one go. */
const maxParts = 8_192;

/** What a tokenizer does with text, whoever does it; texts are well formed. */
interface TextEncoder {
  encode(text: string, addSpecialTokens: boolean): Uint32Array;
  split(text: string, addSpecialTokens: boolean): (number | TextPart)[] | null;
  encodePart(part: TextPart): Uint32Array;
}

export class PipelineTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly #vocabulary: Vocabulary;
  readonly #decoder: Component | null;
  readonly #table: ByteLevelTable | null;
  readonly #encoder: TextEncoder;

  constructor(options: PipelineTokenizerOptions) {
    const { vocabulary, decoder, encoder } = options;
    this.vocabSize = vocabulary.tokens.length;
    this.#vocabulary = vocabulary;
    this.#decoder = decoder;
    this.#table = decoder?.type === "ByteLevel" ? createByteLevelTable(vocabulary.decoded) : null;
    this.#encoder =
      "encodeText" in encoder ? ownEncoder(encoder, vocabulary) : libraryEncoder(encoder);
  }

  encode(text: string, options?: EncodeOptions): Uint32Array {
    return this.#encoder.encode(wellFormed(text), options?.addSpecialTokens === true);
  }

  split(text: string, options?: EncodeOptions): (number | TextPart)[] | null {
    return this.#encoder.split(wellFormed(text), options?.addSpecialTokens === true);
  }

  encodePart(part: TextPart): Uint32Array {
    return this.#encoder.encodePart(part);
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    const decoder = this.createDecoder(options);
    const text = decoder.push(ids);
    return text + decoder.flush();
  }

  tokenToId(token: string): number | undefined {
    return this.#vocabulary.idOf(token);
  }

  idToToken(id: number): string | undefined {
    return this.#vocabulary.tokens[id];
  }

  idToBytes(id: number): Uint8Array {
    const token = this.#vocabulary.tokens[id];
    if (token === undefined) return new Uint8Array(0);
    if (this.#table !== null) return byteLevelTokenToBytes(token);
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex, 16));
    return new TextEncoder().encode(token.replaceAll("\u2581", " "));
  }

  isSpecial(id: number): boolean {
    return this.#vocabulary.special.has(id);
  }

  createDecoder(options?: DecodeOptions): IncrementalDecoder {
    const { decoded, special } = this.#vocabulary;
    const skipped = options?.skipSpecialTokens === false ? none : special;
    if (this.#table !== null) return new ByteLevelTableDecoder(this.#table, skipped);
    const steps = createTokenDecoders(this.#decoder) ?? [];
    return new ChainDecoder(steps, (id) => (skipped.has(id) ? undefined : decoded[id]));
  }
}

function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed();
}

/** Normalised tokens lie within parts: what they match depends on the text around them. */
function ownEncoder(encoder: Encoder, vocabulary: Vocabulary): TextEncoder {
  const { normalize, encodeText, frame } = encoder;
  const raw = createAddedTokenSplitter(vocabulary.added.filter((token) => !token.normalized));
  const normal = createAddedTokenSplitter(vocabulary.added.filter((token) => token.normalized));
  const out = new IdList();
  const onId = (id: number): boolean => {
    out.push(id);
    return true;
  };
  const onPart = (part: string, start: number): void => {
    const normalized = normalize(part);
    splitWith(normal, normalized, onId, (piece, offset) => {
      encodeText(piece, start + offset, out);
    });
  };
  return {
    encode: (text, addSpecialTokens) => {
      out.length = 0;
      if (addSpecialTokens) out.pushAll(frame.before, frame.before.length);
      splitWith(raw, text, onId, onPart);
      if (addSpecialTokens) out.pushAll(frame.after, frame.after.length);
      return out.take();
    },
    split: (text, addSpecialTokens) => {
      const parts: (number | TextPart)[] = addSpecialTokens ? [...frame.before] : [];
      splitWith(
        raw,
        text,
        (id) => parts.push(id) <= maxParts,
        (part, start) => parts.push({ text: part, place: start === 0 ? "first" : "later" }),
      );
      if (parts.length > maxParts) return null;
      if (addSpecialTokens) parts.push(...frame.after);
      return parts;
    },
    encodePart: ({ text, place }) => {
      out.length = 0;
      onPart(text, place === "first" ? 0 : 1);
      return out.take();
    },
  };
}

/** What the library cuts and where is its own affair: its texts stay whole. */
function libraryEncoder(library: LibraryTokenizer): TextEncoder {
  const encode = (text: string, addSpecialTokens: boolean) =>
    Uint32Array.from(library.encode(text, { add_special_tokens: addSpecialTokens }).ids);
  return {
    encode,
    split: (text, addSpecialTokens) => [{ text, place: addSpecialTokens ? "framed" : "first" }],
    encodePart: ({ text, place }) => encode(text, place === "framed"),
  };
}

function splitWith(
  splitter: AddedTokenSplitter | null,
  text: string,
  onId: (id: number) => boolean,
  onText: (text: string, start: number) => void,
): void {
  if (splitter !== null) splitter(text, onText, onId);
  else if (text !== "") onText(text, 0);
}

import type { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { type AddedTokenSplitter, createAddedTokenSplitter } from "../added/added-tokens.ts";
import { byteLevelTokenToBytes } from "../bytes/byte-alphabet.ts";
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

export class PipelineTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly #vocabulary: Vocabulary;
  readonly #decoder: Component | null;
  readonly #table: ByteLevelTable | null;
  readonly #encode: (text: string, addSpecialTokens: boolean) => Uint32Array;

  constructor(options: PipelineTokenizerOptions) {
    const { vocabulary, decoder, encoder } = options;
    this.vocabSize = vocabulary.tokens.length;
    this.#vocabulary = vocabulary;
    this.#decoder = decoder;
    this.#table = decoder?.type === "ByteLevel" ? createByteLevelTable(vocabulary.decoded) : null;
    this.#encode =
      "encodeText" in encoder
        ? encodeWith(encoder, vocabulary)
        : (text, addSpecialTokens) =>
            Uint32Array.from(encoder.encode(text, { add_special_tokens: addSpecialTokens }).ids);
  }

  encode(text: string, options?: EncodeOptions): Uint32Array {
    const wellFormed = (text as string & { toWellFormed(): string }).toWellFormed();
    return this.#encode(wellFormed, options?.addSpecialTokens === true);
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

function encodeWith(
  encoder: Encoder,
  vocabulary: Vocabulary,
): (text: string, addSpecialTokens: boolean) => Uint32Array {
  const { normalize, encodeText, frame } = encoder;
  const raw = createAddedTokenSplitter(vocabulary.added.filter((token) => !token.normalized));
  const normal = createAddedTokenSplitter(vocabulary.added.filter((token) => token.normalized));
  const out = new IdList();
  return (text, addSpecialTokens) => {
    out.length = 0;
    if (addSpecialTokens) out.pushAll(frame.before, frame.before.length);
    const onId = (id: number): void => out.push(id);
    splitWith(raw, text, onId, (part, start) => {
      const normalized = normalize(part);
      splitWith(normal, normalized, onId, (piece, offset) => {
        encodeText(piece, start + offset, out);
      });
    });
    if (addSpecialTokens) out.pushAll(frame.after, frame.after.length);
    return out.take();
  };
}

function splitWith(
  splitter: AddedTokenSplitter | null,
  text: string,
  onId: (id: number) => void,
  onText: (text: string, start: number) => void,
): void {
  if (splitter !== null) splitter(text, onText, onId);
  else if (text !== "") onText(text, 0);
}

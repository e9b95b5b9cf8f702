// The tokenizer.json families that exactness is proven on: name to the file's content.
import { readFile } from "node:fs/promises";
import cl100k from "js-tiktoken/ranks/cl100k_base";
import gpt2 from "js-tiktoken/ranks/gpt2";
import o200k from "js-tiktoken/ranks/o200k_base";
import { createTiktokenFile } from "./tiktoken-file.ts";

interface Added {
  readonly id: number;
  readonly content: string;
  readonly [flag: string]: unknown;
}

const token = (id: number, content: string, more: Record<string, boolean> = {}): Added => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...more,
});

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };

const splitThenBytes = (pattern: string) => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
    { ...byteLevel, use_regex: false },
  ],
});

/** Llama 3's settings on the cl100k vocabulary. */
function llama3() {
  const model = createTiktokenFile(cl100k, true);
  const first = Object.keys(model.vocab).length;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|eot_id|>"].map(
      (content, index) => token(first + index, content),
    ),
    normalizer: null,
    pre_tokenizer: splitThenBytes(
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    ),
    post_processor: {
      type: "Sequence",
      processors: [
        byteLevel,
        {
          type: "TemplateProcessing",
          single: [
            { SpecialToken: { id: "<|begin_of_text|>", type_id: 0 } },
            { Sequence: { id: "A", type_id: 0 } },
          ],
          pair: [],
          special_tokens: {
            "<|begin_of_text|>": {
              id: "<|begin_of_text|>",
              ids: [first],
              tokens: ["<|begin_of_text|>"],
            },
          },
        },
      ],
    },
    decoder: byteLevel,
    model,
  };
}

/** GPT-2's own settings and vocabulary. */
function gpt2File() {
  const model = createTiktokenFile(gpt2, false);
  const first = Object.keys(model.vocab).length;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [token(first, "<|endoftext|>", { normalized: true })],
    normalizer: null,
    pre_tokenizer: { ...byteLevel, use_regex: true },
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: { ...byteLevel, add_prefix_space: true },
    model,
  };
}

/** gpt-oss's settings on the o200k vocabulary. */
function gptOss() {
  const model = createTiktokenFile(o200k, false);
  const word = "[^\\r\\n\\p{L}\\p{N}]?";
  const end = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
  const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [token(199_998, "<|startoftext|>"), token(199_999, "<|endoftext|>")],
    normalizer: null,
    pre_tokenizer: splitThenBytes(
      `${word}${upper}*${lower}+${end}|${word}${upper}+${lower}*${end}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
    ),
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model,
  };
}

/** DeepSeek V3's settings on the GPT-2 vocabulary: three splits, one after the other. */
function deepSeek() {
  const split = (pattern: string) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  });
  return {
    ...gpt2File(),
    added_tokens: [
      token(50_256, "<｜begin▁of▁sentence｜>"),
      token(50_257, "<｜User｜>", { special: false }),
    ],
    normalizer: { type: "Sequence", normalizers: [] },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        split("\\p{N}{1,3}"),
        split("[一-龥\u3040-ゟ゠-ヿ]+"),
        split(
          "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        ),
        { ...byteLevel, use_regex: false },
      ],
    },
  };
}

const fixture = async (name: string): Promise<unknown> =>
  JSON.parse(
    await readFile(new URL(`../fixtures/${name}.tokenizer.json`, import.meta.url), "utf8"),
  ) as unknown;

export const families: Readonly<Record<string, () => Promise<unknown>>> = {
  "Llama 3 (cl100k vocabulary)": async () => llama3(),
  "GPT-2": async () => gpt2File(),
  "gpt-oss (o200k vocabulary)": async () => gptOss(),
  "DeepSeek V3 (GPT-2 vocabulary)": async () => deepSeek(),
  "Qwen 2": () => fixture("qwen2"),
  "Llama 2 (prepend, byte fallback)": () => fixture("llama2"),
  "Mistral (Metaspace, byte fallback)": () => fixture("mistral-metaspace"),
  "BERT (WordPiece)": () => fixture("bert"),
  "Unigram (NMT, NFKC, Metaspace)": () => fixture("unigram"),
};

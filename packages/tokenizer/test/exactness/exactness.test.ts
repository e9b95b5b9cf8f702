// Every family against the native library. DYN_TOKENIZER_FUZZ_COUNT sets the texts per family.
import { describe, expect, test } from "vitest";
import { findDifferences } from "./compare.ts";
import { families } from "./families.ts";
import { findOwnPath } from "./own-path.ts";

const count = Number(process.env.DYN_TOKENIZER_FUZZ_COUNT ?? 2_500);
const seed = Number(process.env.DYN_TOKENIZER_FUZZ_SEED ?? 20_261);

describe(`exact against Hugging Face tokenizers over ${count} texts, seed ${seed}`, () => {
  test.each(Object.entries(families))("%s", { timeout: 600_000 }, async (name, load) => {
    const file = await load();
    const isByteLevel = /Llama 3|GPT|gpt|DeepSeek|Qwen/.test(name);
    expect(findOwnPath(file)).toBe(isByteLevel ? "byte level" : "pieces");
    expect(await findDifferences(file, { seed, count })).toEqual([]);
  });
});

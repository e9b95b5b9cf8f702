// Every family against the native library. DYN_TOKENIZER_FUZZ_COUNT sets the texts per family.
import { describe, expect, test } from "vitest";
import { findDifferences } from "./compare.ts";
import { families } from "./families.ts";

const count = Number(process.env.DYN_TOKENIZER_FUZZ_COUNT ?? 20_000);
const seed = Number(process.env.DYN_TOKENIZER_FUZZ_SEED ?? 20_261);

describe(`exact against Hugging Face tokenizers over ${count} texts, seed ${seed}`, () => {
  test.each(Object.entries(families))("%s", { timeout: 600_000 }, async (_name, load) => {
    expect(await findDifferences(await load(), { seed, count })).toEqual([]);
  });
});

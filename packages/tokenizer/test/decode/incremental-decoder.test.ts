import { readFile } from "node:fs/promises";
import { createTokenizer, type Tokenizer } from "@dyn/tokenizer";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";

describe.each(["qwen2", "llama2", "mistral-metaspace", "bert", "unigram"])("%s", (name) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    const url = new URL(`../fixtures/${name}.tokenizer.json`, import.meta.url);
    tokenizer = createTokenizer(JSON.parse(await readFile(url, "utf8")));
  });

  test("pieces joined equal the whole, whatever the cuts, and none ends within a character", () => {
    const id = fc.integer({ min: 0, max: 3100 });
    fc.assert(
      fc.property(
        fc.array(fc.array(id, { maxLength: 5 }), { maxLength: 12 }),
        fc.boolean(),
        (cuts, skip) => {
          const decoder = tokenizer.createDecoder({ skipSpecialTokens: skip });
          const pieces = [...cuts.map((ids) => decoder.push(ids)), decoder.flush()];
          for (const piece of pieces) expect(piece).toBe(piece.replace(/\p{Cs}/gu, "!"));
          expect(pieces.join("")).toBe(tokenizer.decode(cuts.flat(), { skipSpecialTokens: skip }));
          expect(decoder.flush()).toBe("");
        },
      ),
    );
  });

  test("a decoder can be used again from the start after flush", () => {
    const decoder = tokenizer.createDecoder();
    const ids = tokenizer.encode("the word is the word");
    const first = decoder.push(ids) + decoder.flush();
    expect(decoder.push(ids) + decoder.flush()).toBe(first);
  });
});

describe("a character of several byte tokens", () => {
  test.each(["qwen2", "llama2"])("%s gives it out once, when it is whole", async (name) => {
    const url = new URL(`../fixtures/${name}.tokenizer.json`, import.meta.url);
    const tokenizer = createTokenizer(JSON.parse(await readFile(url, "utf8")));
    const decoder = tokenizer.createDecoder();
    const ids = tokenizer.encode("x𓀀y");
    expect(ids.length).toBeGreaterThan(5);
    const pieces = [...ids].map((id) => decoder.push([id]));
    expect(pieces.filter((piece) => piece.includes("\ufffd"))).toEqual([]);
    expect(pieces.join("") + decoder.flush()).toBe("x𓀀y");
  });

  test("half of it at the end becomes U+FFFD by flush", async () => {
    const url = new URL("../fixtures/qwen2.tokenizer.json", import.meta.url);
    const tokenizer = createTokenizer(JSON.parse(await readFile(url, "utf8")));
    const decoder = tokenizer.createDecoder();
    expect(decoder.push(tokenizer.encode("𓀀").slice(0, 2))).toBe("");
    expect(decoder.flush()).toBe("\ufffd");
  });
});

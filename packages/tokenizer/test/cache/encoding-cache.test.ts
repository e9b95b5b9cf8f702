// What comes out of the cache is what the tokenizer gives: over chats that grow, of every family.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTokenizer,
  createTokenizerPool,
  type EncodingOrigin,
  loadTokenizer,
  type Tokenizer,
} from "@dyn/tokenizer";
import { describe, expect, test } from "vitest";
import { families } from "../exactness/families.ts";
import { createRandom, createTextGenerator } from "../exactness/generate-text.ts";

const chatCount = Number(process.env.DYN_TOKENIZER_FUZZ_COUNT ?? 60);
const seed = Number(process.env.DYN_TOKENIZER_FUZZ_SEED ?? 20_261);

interface TokenizerFile {
  readonly added_tokens?: readonly { readonly content: string }[];
}

/** Beside the family's own: tokens whose reach depends on what stands around them. */
const greedy = [
  { content: "<|greedy|>", lstrip: true, rstrip: true, single_word: false },
  { content: "<|greedy|>!", lstrip: false, rstrip: false, single_word: false },
  { content: "lonely", lstrip: false, rstrip: false, single_word: true },
].map((token, i) => ({ id: 900_000 + i, normalized: false, special: true, ...token }));

describe(`cached = uncached over ${chatCount} growing chats, seed ${seed}`, () => {
  test.each(Object.entries(families))("%s", { timeout: 600_000 }, async (_name, load) => {
    const file = (await load()) as TokenizerFile;
    for (const added of [[], greedy]) {
      const tokens = [...(file.added_tokens ?? []), ...added];
      const tokenizer = createTokenizer({ ...file, added_tokens: tokens });
      await checkChats(
        tokenizer,
        tokens.map(({ content }) => content),
      );
    }
  });
});

async function checkChats(tokenizer: Tokenizer, tokens: readonly string[]): Promise<void> {
  const random = createRandom(seed);
  const nextText = createTextGenerator(seed, tokens);
  // So small that parts go while they are needed.
  const pool = createTokenizerPool({
    directory: "unused",
    tokenizer,
    inlineLimitBytes: Number.MAX_SAFE_INTEGER,
    cacheBytes: 8_000,
  });
  for (let chat = 0; chat < chatCount; chat++) {
    let text = "";
    for (let turn = 0; turn < 4; turn++) {
      text += `${nextText()}${tokens[Math.floor(random() * tokens.length)] ?? ""}`;
      const addSpecialTokens = random() < 0.2;
      const ids = await pool.encode(text, { addSpecialTokens });
      const expected = tokenizer.encode(text, { addSpecialTokens });
      if (Buffer.compare(Buffer.from(ids.buffer), Buffer.from(expected.buffer)) !== 0) {
        expect({ chat, turn, text, ids }).toEqual({ chat, turn, text, ids: expected });
      }
    }
  }
  await pool.close();
}

const turn = (n: number, words: number) =>
  `<|im_start|>user\nTurn ${n}: ${"a river, a stone, the rain of a year ".repeat(words)}<|im_end|>\n`;

test("a chat that goes on has its last turn encoded and no other", async () => {
  const { pool, origins, close } = await openPool();
  await pool.encode(turn(1, 3) + turn(2, 3));
  await pool.encode(turn(1, 3) + turn(2, 3) + turn(3, 3));
  await pool.encode("hi");
  await close();
  const [first, second, short] = origins;
  expect(first).toMatchObject({ cachedTokens: 0, wasLookedUp: true });
  expect(second!.cachedTokens).toBeGreaterThan(first!.uncachedTokens - 10);
  expect(second!.uncachedTokens).toBeLessThan(first!.uncachedTokens / 2 + 10);
  expect(short).toMatchObject({ cachedTokens: 0, wasLookedUp: false });
});

test("a thread's work is kept for the next prompt, which then needs none", async () => {
  const { pool, origins, tokenizer, close } = await openPool();
  const long = turn(1, 5_000);
  const once = await pool.encode(long);
  const text = long + turn(2, 1);
  expect(once).toEqual(tokenizer.encode(long));
  expect(await pool.encode(text)).toEqual(tokenizer.encode(text));
  await close();
  expect(origins[1]!.cachedTokens).toBeGreaterThan(20_000);
  expect(origins[1]!.uncachedTokens).toBeLessThan(100);
});

test("a text of nothing but added tokens is encoded in one go", async () => {
  const { pool, origins, tokenizer, close } = await openPool();
  const text = "<|im_end|>x".repeat(20_000);
  expect(tokenizer.split(text)).toBeNull();
  expect(await pool.encode(text)).toEqual(tokenizer.encode(text));
  await close();
  expect(origins).toEqual([]);
});

async function openPool() {
  const directory = await mkdtemp(join(tmpdir(), "dyn-encoding-cache-"));
  const fixture = new URL("../fixtures/qwen2.tokenizer.json", import.meta.url);
  await cp(fixture, join(directory, "tokenizer.json"));
  const tokenizer = await loadTokenizer(directory);
  const origins: EncodingOrigin[] = [];
  const pool = createTokenizerPool({
    directory,
    tokenizer,
    threads: 1,
    onEncoded: (origin) => origins.push(origin),
  });
  const close = async () => {
    await pool.close();
    await rm(directory, { recursive: true });
  };
  return { pool, origins, tokenizer, close };
}

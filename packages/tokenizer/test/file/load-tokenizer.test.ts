import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTokenizer, loadTokenizer, TokenizerFileError } from "@dyn/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "dyn-tokenizer-"));
});
afterAll(() => rm(directory, { recursive: true }));

const fixture = async (name: string): Promise<Record<string, unknown>> =>
  JSON.parse(
    await readFile(new URL(`../fixtures/${name}.tokenizer.json`, import.meta.url), "utf8"),
  ) as Record<string, unknown>;

async function write(tokenizer: string, config?: string): Promise<string> {
  const folder = await mkdtemp(join(directory, "model-"));
  await writeFile(join(folder, "tokenizer.json"), tokenizer);
  if (config !== undefined) await writeFile(join(folder, "tokenizer_config.json"), config);
  return folder;
}

test("a model directory gives its tokenizer", async () => {
  const file = await fixture("qwen2");
  const tokenizer = await loadTokenizer(await write(JSON.stringify(file), "{}"));
  const ids = tokenizer.encode("Hello<|im_end|>");
  expect(ids.at(-1)).toBe(tokenizer.tokenToId("<|im_end|>"));
  expect(tokenizer.decode(ids)).toBe("Hello");
  expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe("Hello<|im_end|>");
  expect(tokenizer.isSpecial(ids.at(-1)!)).toBe(true);
  expect(tokenizer.isSpecial(tokenizer.tokenToId("<tool_call>")!)).toBe(false);
  expect(tokenizer.idToToken(tokenizer.vocabSize)).toBeUndefined();
  expect(tokenizer.idToBytes(tokenizer.vocabSize)).toHaveLength(0);
  expect(tokenizer.vocabSize).toBe(tokenizer.tokenToId("Ωmega é")! + 1);
});

describe("a file that cannot be used is named, with what is wrong", () => {
  const cases: [string, () => Promise<string>, RegExp][] = [
    ["no tokenizer.json", () => mkdtemp(join(directory, "empty-")), /tokenizer\.json: is missing/],
    ["half a file", () => write('{"model": {'), /tokenizer\.json: is not valid JSON/],
    ["a list", () => write("[]"), /tokenizer\.json: holds JSON that is not an object/],
    ["no model", () => write("{}"), /field "model" must be an object with a "vocab"/],
    [
      "an added token without an id",
      () => write('{"model":{"vocab":{}},"added_tokens":[{"content":"x"}]}'),
      /field "added_tokens\[0\]" must have/,
    ],
    [
      "a vocabulary with an odd id",
      () => write('{"model":{"type":"WordLevel","vocab":{"a":1.5},"unk_token":"a"}}'),
      /gives "a" the id 1\.5/,
    ],
    [
      "an unknown decoder",
      () =>
        write(
          '{"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"},"decoder":{"type":"CTC"}}',
        ),
      /the decoder \{"type":"CTC"\} is not one that this package knows/,
    ],
    [
      "a damaged tokenizer_config.json",
      async () => write(JSON.stringify(await fixture("bert")), "{"),
      /tokenizer_config\.json: is not valid JSON/,
    ],
  ];
  test.each(cases)("%s", async (_name, make, message) => {
    const error = await loadTokenizer(await make()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TokenizerFileError);
    expect((error as TokenizerFileError).message).toMatch(message);
    expect((error as TokenizerFileError).code).toBe("DYN_TOKENIZER_FILE_INVALID");
  });

  test("a merge of a token that the vocabulary lacks", async () => {
    const file = await fixture("qwen2");
    const model = file.model as { merges: unknown[] };
    model.merges[3] = ["nowhere", "else"];
    expect(() => createTokenizer(file)).toThrow(/field "model\.merges\[3\]" .* names a token/);
  });
});

// The bundled model under every schema of @dyn/grammar's suite. Oracle: ajv. A quarter of them unless GRAMMAR_ALL is set.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createGenerateRequest, type GenerateOutput } from "@dyn/engine";
import { createGrammarCompiler, type GrammarCompiler, type GrammarSpec } from "@dyn/grammar";
import { loadModelConfig } from "@dyn/model-files";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createOnnxEngine, type OnnxEngine } from "../src/index.ts";

const modelDirectory = join(import.meta.dirname, "../../tiny-models/models/dyn-tiny-chat");
const everyNth = process.env.GRAMMAR_ALL === undefined ? 4 : 1;
const maxNewTokens = 160;

interface SchemaCase {
  readonly name: string;
  readonly schema: Record<string, unknown> | boolean;
}

const folder = join(import.meta.dirname, "../../grammar/test/schemas");
const cases = readdirSync(folder)
  .sort()
  .flatMap((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as SchemaCase[])
  .filter((_, i) => i % everyNth === 0);

let engine: OnnxEngine;
let tokenizer: Tokenizer;
let compiler: GrammarCompiler;
let eosTokenIds: readonly number[];
beforeAll(async () => {
  engine = await createOnnxEngine({ modelDirectory });
  tokenizer = await loadTokenizer(modelDirectory);
  compiler = createGrammarCompiler({ vocabulary: tokenizer });
  ({ eosTokenIds } = await loadModelConfig(modelDirectory));
});
afterAll(async () => {
  await engine.close();
  await compiler.close();
});

let count = 0;

async function answer(spec: GrammarSpec, prompt: string, temperature = 0.8) {
  const tokenIds: number[] = [];
  let finish: GenerateOutput["finish"] = null;
  const request = createGenerateRequest({
    tokenIds: tokenizer.encode(prompt),
    sampling: { temperature, maxNewTokens, seed: ++count },
    eosTokenIds,
    grammar: { spec, startsAfter: null },
  });
  for await (const output of engine.generate(request)) {
    tokenIds.push(...output.tokenIds);
    finish = output.finish;
  }
  return { tokenIds, text: tokenizer.decode(tokenIds), finish };
}

async function demandValid({ name, schema }: SchemaCase): Promise<"stop" | "length"> {
  const spec: GrammarSpec = { kind: "json", schema, whitespacePattern: null };
  const { tokenIds, text, finish } = await answer(spec, `Answer as JSON: ${name}`);
  if (finish?.type === "length") {
    const matcher = (await compiler.compile(spec)).createMatcher({ endTokenIds: eosTokenIds });
    for (const id of tokenIds)
      if (!matcher.accept(id)) throw new Error(`${name}: no beginning: ${text}`);
    return "length";
  }
  expect(finish, name).toMatchObject({ type: "stop" });
  const ajv = new Ajv2020({ strict: false });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  const validate = ajv.compile(schema);
  const value: unknown = JSON.parse(text);
  const isNull = value === null && (schema as { nullable?: boolean }).nullable === true;
  if (!validate(value) && !isNull)
    throw new Error(`${name}: ${text}: ${ajv.errorsText(validate.errors)}`);
  return "stop";
}

test("every answer is valid under its schema, or the beginning of one that is", async () => {
  const ends = await Promise.all(cases.map(demandValid));
  console.log(
    `${cases.length} schemas: ${ends.filter((end) => end === "stop").length} answers complete and valid, the others cut at ${maxNewTokens} tokens`,
  );
  expect(ends.filter((end) => end === "stop").length).toBeGreaterThan(cases.length / 2);
}, 300_000);

test("a regular expression, a choice and EBNF hold for a real model", async () => {
  const answers = await Promise.all([
    answer({ kind: "regex", pattern: "[A-Z][a-z]{2,8} [0-9]{3}" }, "A name and a number:"),
    answer({ kind: "choice", choices: ["red", "green", "blue"] }, "A colour:"),
    answer({ kind: "ebnf", grammar: 'root ::= ("- " [a-z]{1,8} "\\n"){2,3} "end"' }, "A list:"),
  ]);
  expect(answers[0]!.text).toMatch(/^[A-Z][a-z]{2,8} [0-9]{3}$/);
  expect(["red", "green", "blue"]).toContain(answers[1]!.text);
  expect(answers[2]!.text).toMatch(/^(- [a-z]{1,8}\n){2,3}end$/);
  for (const { finish } of answers) expect(finish).toEqual({ type: "stop", matched: null });
});

test("a schema that is not supported is refused by name, and the engine goes on", async () => {
  const spec: GrammarSpec = { kind: "json", schema: { not: {} }, whitespacePattern: null };
  const { finish } = await answer(spec, "x");
  expect(finish).toMatchObject({
    type: "error",
    error: {
      status: 400,
      code: "DYN_GRAMMAR_INVALID",
      message: expect.stringContaining("not") as string,
    },
  });
  expect((await answer({ kind: "choice", choices: ["ok"] }, "x")).text).toBe("ok");
});

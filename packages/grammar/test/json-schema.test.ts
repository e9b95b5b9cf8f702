import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { beforeAll, describe, expect, it } from "vitest";
import { type CompiledGrammar, createGrammarCompiler, type GrammarCompiler } from "../src/index.ts";
import { loadSchemas } from "./walk/load-schemas.ts";
import { seededRandom, walk } from "./walk/random-walk.ts";

/** More by GRAMMAR_WALKS. */
const walksPerSchema = Number(process.env.GRAMMAR_WALKS ?? 3);

let tokenizer: Tokenizer;
let compiler: GrammarCompiler;
let endTokenId: number;

beforeAll(async () => {
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  endTokenId = tokenizer.vocabSize - 1;
  while (!tokenizer.isSpecial(endTokenId)) endTokenId--;
  compiler = createGrammarCompiler({ vocabulary: tokenizer });
  return () => compiler.close();
});

function compile(schema: unknown): Promise<CompiledGrammar> {
  return compiler.compile({ kind: "json", schema, whitespacePattern: null });
}

describe("random walks under a JSON schema", () => {
  it.each(loadSchemas())("$name: end in a valid document", async ({ schema }) => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
    // Tuples before 2020-12 and OpenAPI's nullable are not in this dialect.
    const validate = ajv.compile(schema);
    const grammar = await compile(schema);
    for (let seed = 1; seed <= walksPerSchema; seed++) {
      const random = seededRandom(seed);
      const { text } = walk(grammar, tokenizer, { endTokenId, random, freeTokens: 8 * seed });
      const value: unknown = JSON.parse(text);
      if (!validate(value) && !(value === null && (schema as { nullable?: boolean }).nullable)) {
        throw new Error(`seed ${seed}: ${text}\n${ajv.errorsText(validate.errors)}`);
      }
    }
  });
});

describe("schemas that are refused", () => {
  const cases: [name: string, schema: unknown, parts: string[]][] = [
    ["not", { not: { type: "string" } }, ["#", "not", "enum"]],
    ["if", { type: "object", if: {}, else: {} }, ["if", "anyOf"]],
    [
      "nested",
      { type: "object", properties: { a: { contains: {} } } },
      ["#/properties/a", "contains"],
    ],
    [
      "uniqueItems",
      { type: "array", items: { type: "string" }, uniqueItems: true },
      ["uniqueItems"],
    ],
    ["unevaluatedProperties", { unevaluatedProperties: false }, ["unevaluatedProperties"]],
    ["dependentRequired", { dependentRequired: {} }, ["dependentRequired"]],
    ["unknown keyword", { type: "string", lenght: 3 }, ["lenght", "leave it out"]],
    [
      "unknown type",
      { type: "text" },
      ['type \\"text\\"', "string"].map((s) => s.replaceAll("\\", "")),
    ],
    ["unknown format", { type: "string", format: "isbn" }, ["isbn", "date-time"]],
    [
      "overlapping oneOf",
      { oneOf: [{ type: "integer" }, { type: "number" }] },
      ["oneOf", "0 and 1", "anyOf"],
    ],
    ["remote reference", { $ref: "https://example.com/a.json" }, ["$ref", "$defs"]],
    ["missing reference", { $ref: "#/$defs/a" }, ["#/$defs/a", "define it"]],
    ["reference to itself", { $ref: "#" }, ["#"]],
    [
      "endless recursion",
      { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
      ["No finite text"],
    ],
    ["false", false, ["No finite text"]],
    ["bad pattern", { type: "string", pattern: "(a" }, ["pattern", "open group"]],
    ["lookahead", { type: "string", pattern: "^(?=a)a$" }, ["lookahead"]],
    [
      "pattern with length",
      { type: "string", pattern: "^(ab)*$", maxLength: 5 },
      ["maxLength", "pattern"],
    ],
    ["multipleOf a fraction", { type: "number", multipleOf: 0.1 }, ["multipleOf 0.1"]],
    ["not a schema", "text", ["#", "object"]],
    ["bad count", { type: "string", maxLength: -1 }, ["maxLength -1"]],
  ];

  it.each(cases)("%s: by name, with a remedy", async (_, schema, parts) => {
    const error = await compile(schema).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "DYN_GRAMMAR_INVALID", status: 400, param: "grammar" });
    for (const part of parts) expect((error as Error).message).toContain(part);
  });
});

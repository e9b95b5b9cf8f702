// Guided decoding from the wire to the engine. The bodies are Dynamo 1.6.1's, as its frontend sent them.
import { createMockEngine } from "@dyn/engine";
import { createGrammarCompiler } from "@dyn/grammar";
import type { EngineOutputItem, GuidedDecoding, PreprocessedRequest } from "@dyn/protocol";
import { afterAll, describe, expect, test } from "vitest";
import { guidedToGrammar } from "../src/decode/guided-to-grammar.ts";
import { createDecodeHandler } from "../src/index.ts";

const tool = {
  properties: {
    name: { type: "string", enum: ["get_weather"] },
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
  required: ["name", "parameters"],
};

/** wire-vectors/body-chat-guided.json: response_format, guided_*, and both forms of forced tool choice. */
const recorded: readonly GuidedDecoding[] = [
  { json: { type: "object" } },
  { json: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] } },
  { regex: "[0-9]+" },
  { choice: ["yes", "no"] },
  { grammar: 'root ::= "x"', backend: "xgrammar" },
  { json: { type: "object" }, whitespace_pattern: "[ ]" },
  { json: { type: "array", minItems: 1, items: { type: "object", anyOf: [tool] } } },
  { json: tool.properties.parameters },
];

function bodyWith(guided_decoding: unknown, extra: object = {}): PreprocessedRequest {
  return {
    model: "m",
    token_ids: [1, 2],
    stop_conditions: { max_tokens: 600 },
    sampling_options: { guided_decoding, temperature: 1, seed: 3 },
    output_options: {},
    eos_token_ids: [259],
    annotations: [],
    ...extra,
  } as PreprocessedRequest;
}

const vocabulary = {
  vocabSize: 260,
  idToBytes: (id: number) => (id < 256 ? Uint8Array.of(id) : new Uint8Array(0)),
  isSpecial: (id: number) => id >= 256,
};
const grammars = createGrammarCompiler({ vocabulary });
const engine = createMockEngine({ vocabSize: 260, grammars });
afterAll(async () => {
  await engine.close();
  await grammars.close();
});

async function serve(body: unknown): Promise<{ text: string; items: EngineOutputItem[] }> {
  const handler = createDecodeHandler({ engine });
  const { signal } = new AbortController();
  const items: EngineOutputItem[] = [];
  for await (const { data } of handler(body, { signal } as never)) items.push(data!);
  const ids = items.flatMap((item) => item.token_ids).filter((id) => id < 256);
  return { text: Buffer.from(ids).toString(), items };
}

describe("what frontends send", () => {
  test.each(recorded)("%j is followed", async (guided) => {
    const { text, items } = await serve(bodyWith(guided));
    const { finish_reason } = items.at(-1)!;
    if (finish_reason === "length") return;
    expect(finish_reason).toBe("stop");
    if (guided.regex != null) expect(text).toMatch(/^[0-9]+$/);
    else if (guided.choice != null) expect(guided.choice).toContain(text);
    else if (guided.grammar != null) expect(text).toBe("x");
    else expect(typeof JSON.parse(text)).toBe("object");
  });

  test("a schema may come as text, any JSON by SGLang's mark, nulls count as absent", () => {
    const spec = (guided: unknown) => guidedToGrammar(bodyWith(guided), "</think>")?.spec;
    expect(spec({ json: '{"type":"null"}' })).toMatchObject({ schema: { type: "null" } });
    expect(spec({ json: "$$ANY$$" })).toMatchObject({ schema: {} });
    expect(spec({ json: null, regex: null })).toBeUndefined();
    expect(spec({ structural_tag: "{}" })).toEqual({ kind: "structural_tag", tag: "{}" });
  });

  test("with required reasoning the grammar begins after its end", () => {
    const body = bodyWith({ regex: "a" }, { require_reasoning: true });
    expect(guidedToGrammar(body, "[/THINK]")?.startsAfter).toBe("[/THINK]");
    expect(guidedToGrammar(bodyWith({ regex: "a" }), "[/THINK]")?.startsAfter).toBeNull();
  });
});

describe("what cannot be followed", () => {
  test.each([
    [{ regex: "a", choice: ["b"] }, "regex and choice"],
    [{ json: "{" }, "not JSON"],
    [{ regex: "a", whitespace_pattern: " " }, "whitespace_pattern"],
    [{ json: { type: "string", not: {} } }, "not"],
    [{ regex: "(a" }, "open group"],
    [{ grammar: "root ::= x" }, '"x" is used but not defined'],
    [{ choice: [] }, "at least one"],
  ])("%j is a 400 that names the field: %s", async (guided, part) => {
    const error = await serve(bodyWith(guided)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 400, param: "guided_decoding" });
    expect((error as Error).message).toContain(part);
  });
});

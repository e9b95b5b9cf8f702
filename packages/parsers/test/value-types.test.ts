import { collectOutput, createToolCallParser } from "@dyn/parsers";
import { expect, it } from "vitest";

const schema = {
  type: "object",
  $defs: { size: { type: "integer" }, loop: { $ref: "#/$defs/loop" } },
  properties: {
    ref: { $ref: "#/$defs/size" },
    loop: { $ref: "#/$defs/loop" },
    either: { anyOf: [{ type: "number" }, { type: "null" }] },
    both: { type: ["integer", "string"] },
    words: { enum: ["1", "2"] },
    counts: { enum: [1, 2] },
    list: { items: { type: "string" } },
    record: { properties: {} },
    maybe: { type: ["boolean", "null"] },
  },
};

it.each([
  ["ref", "7", "7"],
  ["loop", "7", '"7"'],
  ["either", "1.50", "1.50"],
  ["either", "null", "null"],
  ["both", "12", "12"],
  ["both", "twelve", '"twelve"'],
  ["words", "1", '"1"'],
  ["counts", "1", "1"],
  ["list", "[1, 'a']", '[1, "a"]'],
  ["record", "{'a': 1}", '{"a": 1}'],
  ["record", "[1]", '"[1]"'],
  ["maybe", "True", "true"],
  ["maybe", "None", "null"],
  ["undeclared", "1", '"1"'],
  ["toString", "1", '"1"'],
])("the declared type of %s makes %s %s", (key, text, json) => {
  const parser = createToolCallParser("qwen3_coder", {
    tools: [{ name: "f", parameters: schema }],
  });
  const events = parser.push(`<function=f><parameter=${key}>${text}</parameter></function>`);
  const [call] = collectOutput([...events, ...parser.finish()]).toolCalls;
  expect(call?.arguments).toBe(`{${JSON.stringify(key)}:${json}}`);
});

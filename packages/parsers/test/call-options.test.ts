import {
  collectOutput,
  createOutputParser,
  createToolCallParser,
  type OutputParser,
} from "@dyn/parsers";
import { describe, expect, it } from "vitest";

const one = '<tool_call>{"name": "f", "arguments": {"text": "abc"}}</tool_call>';
const collect = (parser: OutputParser, text: string) =>
  collectOutput([...parser.push(text), ...parser.finish()]);

describe("a stream", () => {
  it("lets arguments out as they come, the name with the first of them", () => {
    const parser = createToolCallParser("hermes", { tools: [], idGenerator: () => "id" });
    expect(parser.push("Hi <tool")).toEqual([{ type: "content", text: "Hi " }]);
    expect(parser.push('_call>{"name": "f", "argum')).toEqual([]);
    expect(parser.push('ents": {"text": "a')).toEqual([
      { type: "tool-call-start", index: 0, id: "id", name: "f" },
      { type: "tool-call-arguments", index: 0, delta: '{"text": "a' },
    ]);
    expect(parser.push('bc"}}')).toEqual([
      { type: "tool-call-arguments", index: 0, delta: 'bc"}' },
      { type: "tool-call-end", index: 0 },
    ]);
    expect(parser.push("</tool_call>")).toEqual([]);
    expect(parser.finish()).toEqual([]);
  });

  it("lets a string out of tags as it comes", () => {
    const parser = createToolCallParser("qwen3_coder", { tools: [{ name: "f" }] });
    parser.push("<tool_call><function=f><parameter=code>\n");
    expect(parser.push("line 1\n")).toMatchObject([
      { type: "tool-call-start" },
      { type: "tool-call-arguments", delta: '{"code":"line 1' },
    ]);
    expect(parser.push("line 2 <")).toMatchObject([{ delta: "\\nline 2" }]);
  });

  it("holds back only what may become a marker", () => {
    const parser = createToolCallParser("hermes", { tools: [] });
    expect(parser.push("a <")).toEqual([{ type: "content", text: "a " }]);
    expect(parser.push("b")).toEqual([{ type: "content", text: "<b" }]);
  });
});

it("says nothing of a broken call where arguments are delivered whole", () => {
  const text = '<tool_call>{"name": "f", "arguments": {"text": [}}</tool_call>';
  const parser = createToolCallParser("hermes", { tools: [], deliverArguments: "whole" });
  const events = [...parser.push(text), ...parser.finish()];
  expect(events).toEqual([{ type: "content", text }]);
});

it("takes back in the same stream what it said of a call that broke", () => {
  const text = '<tool_call>{"name": "f", "arguments": {"text": [}}</tool_call>';
  const parser = createToolCallParser("hermes", { tools: [] });
  const events = [...parser.push(text), ...parser.finish()];
  expect(events.map(({ type }) => type)).toEqual([
    "tool-call-start",
    "tool-call-arguments",
    "tool-call-cut",
    "content",
  ]);
  expect(collectOutput(events)).toEqual({ content: text, reasoning: "", toolCalls: [] });
});

it("gives a call back that is longer than what may be held, wherever the text is cut", () => {
  const text = `<tool_call>{"name": "f", "arguments": {"text": "${"x".repeat(500)}"}}</tool_call> end`;
  for (const length of [1, 7, 64, text.length]) {
    const parser = createToolCallParser("hermes", { tools: [], maxHeldLength: 200 });
    const events = [];
    for (let at = 0; at < text.length; at += length)
      events.push(...parser.push(text.slice(at, at + length)));
    events.push(...parser.finish());
    expect(collectOutput(events)).toEqual({ content: text, reasoning: "", toolCalls: [] });
  }
});

it.each([
  ["hermes", /^call-[0-9a-f-]{36}$/, one],
  ["deepseek_v4", /^call_[0-9a-f]{24}$/, '<｜DSML｜invoke name="f"></｜DSML｜invoke>'],
  ["glm47", /^[0-9a-f-]{36}$/, "<tool_call>f</tool_call>"],
  ["pythonic", /^call-1$/, "[f()]"],
  [
    "kimi_k2",
    /^functions\.f:0$/,
    "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>",
  ],
])("%s names its calls as the reference does", (name, id, text) => {
  expect(collect(createToolCallParser(name, { tools: [] }), text).toolCalls[0]?.id).toMatch(id);
});

it("numbers ids that repeat", () => {
  const parser = createToolCallParser("hermes", { tools: [], idGenerator: () => "same" });
  expect(collect(parser, one + one + one).toolCalls.map(({ id }) => id)).toEqual([
    "same",
    "same-2",
    "same-3",
  ]);
});

it("is for one answer", () => {
  const parser = createOutputParser({});
  expect(collect(parser, "Hi.").content).toBe("Hi.");
  expect(() => parser.push("more")).toThrow(/create one for each answer/);
  expect(() => parser.finish()).toThrow(/create one for each answer/);
});

it("never takes a property of Object for a declared argument", () => {
  const parser = createToolCallParser("qwen3_coder", {
    tools: [{ name: "f", parameters: { properties: {} } }],
  });
  const text = "<function=f><parameter=__proto__>1</parameter></function>";
  expect(collect(parser, text).toolCalls[0]?.arguments).toBe('{"__proto__":"1"}');
});

import { createJsonCalls } from "../../tool-calls/json-calls.ts";
import type { ToolCallParserEntry } from "../parser-entry.ts";
import { common, special } from "./entry-defaults.ts";

export const jsonEntries: readonly ToolCallParserEntry[] = [
  {
    ...common,
    name: "hermes",
    sglang: ["hermes", "trinity"],
    family: "json-calls",
    markers: ["<tool_call>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<tool_call>"],
        closers: ["</tool_call>"],
        bareUnits: "{",
        call: { nameAlone: true },
      }),
  },
  {
    ...common,
    name: "qwen25",
    sglang: ["qwen25", "qwen"],
    family: "json-calls",
    markers: ["<tool_call>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<tool_call>"],
        closers: ["</tool_call>"],
        bareUnits: "{",
        call: { nameAlone: true },
      }),
  },
  {
    ...common,
    name: "nemotron_deci",
    family: "json-calls",
    markers: ["<TOOLCALL>"],
    syntax: () => createJsonCalls({ openers: ["<TOOLCALL>"], closers: ["</TOOLCALL>"] }),
  },
  {
    ...common,
    name: "default",
    family: "json-calls",
    markers: ["<TOOLCALL>", "<|python_tag|>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<TOOLCALL>", "<|python_tag|>"],
        closers: ["</TOOLCALL>"],
        separators: [";"],
        bareUnits: "{[",
      }),
  },
  {
    ...common,
    name: "llama3_json",
    sglang: ["llama3"],
    family: "json-calls",
    markers: ["<|python_tag|>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<|python_tag|>"],
        closers: [],
        separators: [";"],
        bareUnits: "{",
      }),
  },
  {
    ...special,
    name: "mistral",
    sglang: ["mistral"],
    family: "json-calls",
    markers: ["[TOOL_CALLS]"],
    syntax: () =>
      createJsonCalls({
        openers: ["[TOOL_CALLS]"],
        closers: ["[/TOOL_CALLS]"],
        bareUnits: "[",
        isNameFirst: true,
      }),
  },
  {
    ...common,
    name: "phi4",
    family: "json-calls",
    markers: ["functools["],
    syntax: () => createJsonCalls({ openers: ["functools"], closers: [] }),
  },
  {
    ...common,
    name: "jamba",
    family: "json-calls",
    markers: ["<tool_calls>"],
    syntax: () => createJsonCalls({ openers: ["<tool_calls>"], closers: ["</tool_calls>"] }),
  },
  {
    ...special,
    name: "apertus2509",
    isDynamo: false,
    sglang: ["apertus2509"],
    family: "json-calls",
    markers: ["<|tools_prefix|>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<|tools_prefix|>"],
        closers: ["<|tools_suffix|>"],
        call: { isNameTheKey: true },
      }),
  },
  {
    ...special,
    name: "cohere_command4",
    isDynamo: false,
    sglang: ["cohere_command4"],
    family: "json-calls",
    markers: ["<|START_ACTION|>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<|START_ACTION|>"],
        closers: ["<|END_ACTION|>"],
        call: { nameKeys: ["tool_name", "name"] },
      }),
  },
  {
    ...special,
    name: "interns1",
    isDynamo: false,
    sglang: ["interns1"],
    family: "json-calls",
    markers: ["<|action_start|> <|plugin|>"],
    syntax: () =>
      createJsonCalls({
        openers: ["<|action_start|> <|plugin|>", "<|action_start|><|plugin|>"],
        closers: ["<|action_end|>"],
      }),
  },
  {
    ...special,
    name: "gigachat3",
    isDynamo: false,
    sglang: ["gigachat3"],
    family: "json-calls",
    markers: ["<|function_call|>", "function call<|role_sep|>"],
    syntax: () =>
      createJsonCalls({
        openers: [
          "<|message_sep|>\n\nfunction call<|role_sep|>",
          "function call<|role_sep|>",
          "<|function_call|>",
        ],
        closers: ["<|message_sep|>"],
      }),
  },
];

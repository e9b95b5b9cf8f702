import { createPythonicCalls } from "../../tool-calls/pythonic-calls.ts";
import type { ToolCallParserEntry } from "../parser-entry.ts";
import { common, special } from "./entry-defaults.ts";

export const pythonicEntries: readonly ToolCallParserEntry[] = [
  {
    ...common,
    name: "pythonic",
    sglang: ["pythonic"],
    family: "pythonic-calls",
    markers: ["["],
    callIds: "call-number",
    syntax: () =>
      createPythonicCalls({
        openers: ["<|python_start|>"],
        closers: ["<|python_end|>"],
        isBare: true,
      }),
  },
  {
    ...special,
    name: "lfm2",
    isDynamo: false,
    sglang: ["lfm2"],
    family: "pythonic-calls",
    markers: ["<|tool_call_start|>"],
    syntax: () =>
      createPythonicCalls({
        openers: ["<|tool_call_start|>"],
        closers: ["<|tool_call_end|>"],
        isBare: false,
      }),
  },
];

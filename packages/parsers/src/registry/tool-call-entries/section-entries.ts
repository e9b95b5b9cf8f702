import { createSectionCalls } from "../../tool-calls/section-calls.ts";
import type { ToolCallParserEntry } from "../parser-entry.ts";
import { common, special } from "./entry-defaults.ts";

export const sectionEntries: readonly ToolCallParserEntry[] = [
  {
    ...common,
    name: "deepseek_v3",
    sglang: ["deepseekv3"],
    family: "section-calls",
    markers: ["<｜tool▁calls▁begin｜>"],
    syntax: () => createSectionCalls(deepseek("type")),
  },
  {
    ...common,
    name: "deepseek_v3_1",
    sglang: ["deepseekv31"],
    family: "section-calls",
    markers: ["<｜tool▁calls▁begin｜>"],
    syntax: () => createSectionCalls(deepseek("name")),
  },
  {
    ...special,
    name: "kimi_k2",
    aliases: ["kimi_k25"],
    sglang: ["kimi_k2"],
    family: "section-calls",
    markers: ["<|tool_calls_section_begin|>", "<|tool_call_begin|>"],
    callIds: "native",
    structuralTag: "always",
    syntax: () =>
      createSectionCalls({
        sectionOpeners: ["<|tool_calls_section_begin|>", "<|tool_call_section_begin|>"],
        sectionClosers: ["<|tool_calls_section_end|>", "<|tool_call_section_end|>"],
        callOpener: "<|tool_call_begin|>",
        callCloser: "<|tool_call_end|>",
        headerEnd: "<|tool_call_argument_begin|>",
        header: "id",
      }),
  },
];

function deepseek(header: "type" | "name") {
  return {
    sectionOpeners: ["<｜tool▁calls▁begin｜>"],
    sectionClosers: ["<｜tool▁calls▁end｜>"],
    callOpener: "<｜tool▁call▁begin｜>",
    callCloser: "<｜tool▁call▁end｜>",
    headerEnd: "<｜tool▁sep｜>",
    header,
  };
}

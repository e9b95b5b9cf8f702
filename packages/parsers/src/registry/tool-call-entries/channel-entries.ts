import { createColonCalls } from "../../tool-calls/colon-calls.ts";
import type { ToolCallParserEntry } from "../parser-entry.ts";
import { special } from "./entry-defaults.ts";

export const channelEntries: readonly ToolCallParserEntry[] = [
  {
    ...special,
    name: "harmony",
    sglang: ["gpt-oss"],
    family: "harmony",
    markers: ["<|channel|>", "<|start|>"],
    syntax: "harmony",
  },
  {
    ...special,
    name: "kimi_k3",
    aliases: ["kimi-k3"],
    sglang: ["kimi_k3"],
    family: "kimi-k3",
    markers: ["<|open|>"],
    structuralTag: "named",
    syntax: "kimi_k3",
  },
  {
    ...special,
    name: "inkling",
    sglang: ["inkling"],
    family: "inkling",
    markers: ["<|content_invoke_tool_json|>"],
    syntax: "inkling",
  },
  {
    ...special,
    name: "muse",
    aliases: ["muse_glimmer"],
    sglang: ["muse"],
    family: "muse",
    markers: ["<|start|>", "<atem:invoke"],
    syntax: "muse",
  },
  {
    ...special,
    name: "gemma4",
    aliases: ["gemma-4"],
    sglang: ["gemma4"],
    family: "colon-calls",
    markers: ["<|tool_call>"],
    syntax: createColonCalls,
  },
];

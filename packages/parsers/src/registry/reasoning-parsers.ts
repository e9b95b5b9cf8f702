// Every reasoning parser by name. Names: spec sheets of Dynamo 1.6.1, SGLang 0.5.21.
import { createAppendThink } from "../reasoning/append-think.ts";
import { createLoneCloser } from "../reasoning/lone-closer.ts";
import { createThinkTags, type ThinkTagsFormat } from "../reasoning/think-tags.ts";
import { minimaxNamespace } from "../tool-calls/nested-tags.ts";
import type { ReasoningParserEntry } from "./parser-entry.ts";

type Tags = Omit<ThinkTagsFormat, "startInside">;
type Names = Pick<ReasoningParserEntry, "name" | "aliases" | "sglang" | "isDynamo"> & {
  readonly needsSpecialTokens?: boolean;
};

const think: Tags = { openers: ["<think>"], closers: ["</think>"] };

/** Reasoning between tags; `startsInside` where nothing else is known. */
function tags(names: Names, format: Tags, startsInside: boolean): ReasoningParserEntry {
  return {
    needsSpecialTokens: false,
    ...names,
    family: "think-tags",
    markers: [...format.openers, ...format.closers],
    brackets: {
      opener: format.openers[0]!,
      closer: format.closers[0]!,
      enders: format.enders ?? [],
    },
    startsInside,
    syntax: (startInside, processor) =>
      createThinkTags({
        isSingle: processor === "sglang",
        ...format,
        startInside: startInside ?? startsInside,
      }),
  };
}

const thinkEntries: readonly ReasoningParserEntry[] = [
  tags(
    {
      name: "basic",
      aliases: ["qwen3", "nemotron_deci", "glm45", "glm47", "kimi_k2", "qwen3_coder"],
    },
    think,
    false,
  ),
  tags(
    {
      name: "deepseek_r1",
      aliases: ["step3", "deepseek_v3", "deepseek_v3_1", "deepseek_v3_2", "nemotron_nano"],
      sglang: ["deepseek-r1", "step3", "step3p5", "gigachat35", "iquest_q1"],
    },
    think,
    true,
  ),
  tags(
    { name: "deepseek_v4", aliases: ["deepseek-v4", "deepseekv4"], sglang: ["deepseek-v4"] },
    { ...think, enders: ["<｜DSML｜tool_calls>", "<｜DSML｜invoke"] },
    false,
  ),
  tags(
    { name: "deepseek_v41", sglang: ["deepseek-v41"], needsSpecialTokens: true },
    { ...think, enders: ["<｜DSML｜ calls>", "<｜DSML｜ invoke"] },
    false,
  ),
  tags(
    { name: "nemotron3", aliases: ["nemotron_v3"] },
    { ...think, enders: ["<tool_call>"] },
    true,
  ),
  tags(
    { name: "kimi_k25", needsSpecialTokens: true },
    {
      ...think,
      enders: ["<|tool_calls_section_begin|>", "<|tool_call_section_begin|>"],
      endsForGood: true,
    },
    true,
  ),
  tags(
    { name: "minimax_m2" },
    { ...think, enders: ["<minimax:tool_call>", "<invoke name="] },
    true,
  ),
  tags({ name: "kimi", sglang: ["kimi"] }, { openers: ["◁think▷"], closers: ["◁/think▷"] }, false),
  tags(
    { name: "mistral", needsSpecialTokens: true },
    { openers: ["[THINK]"], closers: ["[/THINK]"] },
    true,
  ),
  tags(
    { name: "granite" },
    {
      openers: ["Here's my thought process:", "Here is my thought process:"],
      closers: ["Here's my response:", "Here is my response:"],
    },
    false,
  ),
  tags(
    {
      name: "gemma4",
      aliases: ["gemma-4"],
      sglang: ["gemma4"],
      needsSpecialTokens: true,
    },
    { openers: ["<|channel>thought\n", "<|channel>thought"], closers: ["<channel|>"] },
    false,
  ),
];

/** What only SGLang's names lead to: there a tool marker ends reasoning for more formats. */
const sglangEntries: readonly ReasoningParserEntry[] = [
  tags(
    {
      name: "sglang_qwen3",
      isDynamo: false,
      sglang: [
        "qwen3",
        "glm45",
        "ling3",
        "dots",
        "nanbeige",
        "interns1",
        "mimo",
        "poolside_v1",
        "deepseek-v3",
        "nemotron_3",
        "granite_thinking_parser",
      ],
    },
    { ...think, enders: ["<tool_call>"] },
    false,
  ),
  tags(
    { name: "sglang_qwen3_thinking", isDynamo: false, sglang: ["qwen3-thinking", "minimax"] },
    { ...think, enders: ["<tool_call>"] },
    true,
  ),
  tags(
    { name: "sglang_kimi_k2", isDynamo: false, sglang: ["kimi_k2"], needsSpecialTokens: true },
    { ...think, enders: ["<|tool_calls_section_begin|>"] },
    false,
  ),
  tags(
    { name: "sglang_mistral", isDynamo: false, sglang: ["mistral"], needsSpecialTokens: true },
    { openers: ["[THINK]"], closers: ["[/THINK]"] },
    false,
  ),
  tags(
    { name: "hunyuan", isDynamo: false, sglang: ["hunyuan"] },
    { ...think, enders: ["<tool_calls>"] },
    false,
  ),
  tags(
    { name: "apertus2509", isDynamo: false, sglang: ["apertus2509"], needsSpecialTokens: true },
    { openers: ["<|inner_prefix|>"], closers: ["<|inner_suffix|>"], enders: ["<|tools_prefix|>["] },
    false,
  ),
  tags(
    {
      name: "cohere_command4",
      isDynamo: false,
      sglang: ["cohere_command4"],
      needsSpecialTokens: true,
    },
    {
      openers: ["<|START_THINKING|>"],
      // The answer's own frame is stripped with the reasoning's.
      closers: ["<|END_THINKING|>", "<|START_TEXT|>", "<|END_TEXT|>"],
      enders: ["<|START_ACTION|>"],
      isSingle: false,
    },
    true,
  ),
  tags(
    { name: "k2_horizon", isDynamo: false, sglang: ["k2_horizon"], needsSpecialTokens: true },
    {
      openers: ["<ifm|think>", "<ifm|think_fast>", "<ifm|think_faster>"],
      closers: ["</ifm|think>", "</ifm|think_fast>", "</ifm|think_faster>"],
      enders: ["<ifm|tool_call"],
    },
    true,
  ),
];

const minimaxM3: Tags = {
  openers: ["<mm:think>"],
  closers: ["</mm:think>"],
  enders: [minimaxNamespace],
};

const otherEntries: readonly ReasoningParserEntry[] = [
  {
    name: "minimax_m3",
    aliases: ["minimax-m3"],
    sglang: ["minimax-m3"],
    family: "lone-closer",
    markers: ["<mm:think>", "</mm:think>"],
    needsSpecialTokens: true,
    startsInside: false,
    syntax: (startInside) => createLoneCloser(minimaxM3, startInside),
  },
  {
    name: "minimax_append_think",
    sglang: ["minimax-append-think"],
    family: "append-think",
    markers: [],
    needsSpecialTokens: false,
    startsInside: false,
    syntax: createAppendThink,
  },
  {
    name: "gpt_oss",
    sglang: ["gpt-oss"],
    family: "harmony",
    markers: ["<|channel|>", "<|start|>"],
    needsSpecialTokens: true,
    startsInside: false,
    syntax: "harmony",
  },
  {
    name: "kimi_k3",
    aliases: ["kimi-k3"],
    sglang: ["kimi_k3"],
    family: "kimi-k3",
    markers: ["<|open|>think<|sep|>"],
    needsSpecialTokens: true,
    startsInside: false,
    syntax: "kimi_k3",
  },
  {
    name: "inkling",
    sglang: ["inkling"],
    family: "inkling",
    markers: ["<|content_thinking|>"],
    needsSpecialTokens: true,
    startsInside: false,
    syntax: "inkling",
  },
  {
    name: "muse",
    aliases: ["muse_glimmer"],
    sglang: ["muse"],
    family: "muse",
    markers: ["<|start|>"],
    needsSpecialTokens: true,
    startsInside: false,
    syntax: "muse",
  },
];

export const reasoningParsers: readonly ReasoningParserEntry[] = [
  ...thinkEntries,
  ...otherEntries,
  ...sglangEntries,
];

// Every tool-call parser by name: which family reads it, with what options. Names: spec sheets of Dynamo 1.6.1, SGLang 0.5.21.
import type { Trim } from "../arguments/pass-value.ts";
import type { ValueRules } from "../arguments/value-to-json.ts";
import { type ArgumentPairsFormat, createArgumentPairs } from "../tool-calls/argument-pairs.ts";
import { createColonCalls } from "../tool-calls/colon-calls.ts";
import { createJsonCalls } from "../tool-calls/json-calls.ts";
import { createNestedTags, minimaxNamespace } from "../tool-calls/nested-tags.ts";
import { createPythonicCalls } from "../tool-calls/pythonic-calls.ts";
import { createSectionCalls } from "../tool-calls/section-calls.ts";
import { createTaggedCalls, type TaggedCallsFormat } from "../tool-calls/tagged-calls.ts";
import type { ToolCallParserEntry } from "./parser-entry.ts";

const common = {
  needsSpecialTokens: false,
  callIds: "call-uuid",
  structuralTag: "on-request",
} as const;
const special = { ...common, needsSpecialTokens: true } as const;

const jsonEntries: readonly ToolCallParserEntry[] = [
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

const pythonicEntries: readonly ToolCallParserEntry[] = [
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

const coderValues: ValueRules = {
  isNullString: "null",
  unknownBoolean: "false",
  plainLists: false,
};
const glmValues: ValueRules = {
  isNullString: "text",
  unknownBoolean: "yes",
  plainLists: true,
};

/** SGLang takes one line break off each side of a value and leaves entities alone. */
const sglangText = { trim: "line-breaks", hasEntities: false } as const;

const coder: TaggedCallsFormat = {
  wrapperOpeners: ["<tool_call>"],
  wrapperClosers: ["</tool_call>"],
  callOpener: "<function=",
  callCloser: "</function>",
  argumentOpener: "<parameter=",
  argumentCloser: "</parameter>",
  types: "schema",
  values: coderValues,
  trim: "blanks",
  hasEntities: true,
};
const invoke: TaggedCallsFormat = {
  ...coder,
  wrapperOpeners: ["<minimax:tool_call>"],
  wrapperClosers: ["</minimax:tool_call>"],
  callOpener: "<invoke name=",
  callCloser: "</invoke>",
  argumentOpener: "<parameter name=",
};
const step3: TaggedCallsFormat = {
  ...coder,
  wrapperOpeners: ["<｜tool_calls_begin｜>", "<｜tool_call_begin｜>function<｜tool_sep｜>"],
  wrapperClosers: ["<｜tool_call_end｜>", "<｜tool_calls_end｜>"],
  callOpener: "<steptml:invoke name=",
  callCloser: "</steptml:invoke>",
  argumentOpener: "<steptml:parameter name=",
  argumentCloser: "</steptml:parameter>",
  hasEntities: false,
};
const minicpm5: TaggedCallsFormat = {
  ...coder,
  wrapperOpeners: [],
  wrapperClosers: [],
  callOpener: "<function name=",
  callCloser: "</function>",
  argumentOpener: "<param name=",
  argumentCloser: "</param>",
  hasCdata: true,
};

/** DeepSeek's DSML and its relatives: `token` in every tag, `space` where the tokenizer needs one behind it. */
function dsml(
  block: string,
  { token = "DSML", space = "", trim = "none" as Trim } = {},
): TaggedCallsFormat {
  const tag = (name: string) => `<｜${token}｜${space}${name}`;
  const end = (name: string) => `</｜${token}｜${space}${name}>`;
  return {
    // The two line breaks that the template puts before a block belong to it.
    wrapperOpeners: [`\n\n${tag(block)}>`, `${tag(block)}>`],
    wrapperClosers: [end(block)],
    callOpener: tag("invoke name="),
    callCloser: end("invoke"),
    argumentOpener: tag("parameter name="),
    argumentCloser: end("parameter"),
    types: "string-attribute",
    values: coderValues,
    trim,
    hasEntities: false,
    hasJsonBody: true,
  };
}

const taggedEntries: readonly ToolCallParserEntry[] = [
  {
    ...common,
    name: "qwen3_coder",
    aliases: ["nemotron_nano"],
    family: "tagged-calls",
    markers: ["<tool_call>", "<function="],
    syntax: () => createTaggedCalls(coder),
  },
  {
    ...common,
    name: "qwen3",
    family: "tagged-calls",
    markers: ["<tool_call>", "<function="],
    // Qwen 3 writes JSON in the same marker that its coder models put tags in.
    syntax: () => createTaggedCalls({ ...coder, hasJsonCalls: true }),
  },
  {
    ...common,
    name: "sglang_qwen3_coder",
    isDynamo: false,
    sglang: ["qwen3_coder", "step3p5", "nanbeige", "mimo"],
    family: "tagged-calls",
    markers: ["<tool_call>", "<function="],
    syntax: () => createTaggedCalls({ ...coder, ...sglangText }),
  },
  {
    ...common,
    name: "sglang_minimax_m2",
    isDynamo: false,
    sglang: ["minimax-m2"],
    family: "tagged-calls",
    markers: ["<minimax:tool_call>", "<invoke name="],
    syntax: () => createTaggedCalls({ ...invoke, ...sglangText }),
  },
  {
    ...common,
    name: "minimax_m2",
    family: "tagged-calls",
    markers: ["<minimax:tool_call>", "<invoke name="],
    syntax: () => createTaggedCalls(invoke),
  },
  {
    ...common,
    name: "deepseek_v3_2",
    sglang: ["deepseekv32"],
    family: "tagged-calls",
    markers: ["<｜DSML｜function_calls>"],
    callIds: "call-hex",
    syntax: () => createTaggedCalls(dsml("function_calls", { trim: "blanks" })),
  },
  {
    ...common,
    name: "deepseek_v4",
    aliases: ["deepseek-v4", "deepseekv4"],
    sglang: ["deepseekv4"],
    family: "tagged-calls",
    markers: ["<｜DSML｜tool_calls>", "<｜DSML｜invoke"],
    callIds: "call-hex",
    syntax: () => createTaggedCalls(dsml("tool_calls", { trim: "blanks" })),
  },
  {
    ...special,
    name: "deepseek_v41",
    sglang: ["deepseekv41"],
    family: "tagged-calls",
    markers: ["<｜DSML｜ calls>", "<｜DSML｜ invoke"],
    callIds: "call-hex",
    syntax: () => createTaggedCalls(dsml("calls", { space: " " })),
  },
  {
    ...special,
    name: "gigachat35",
    isDynamo: false,
    sglang: ["gigachat35"],
    family: "tagged-calls",
    markers: ["<｜GCML｜tool_calls>"],
    syntax: () => createTaggedCalls(dsml("tool_calls", { token: "GCML" })),
  },
  {
    ...common,
    name: "dots",
    isDynamo: false,
    sglang: ["dots"],
    family: "tagged-calls",
    markers: ["<dots_function_call>"],
    syntax: () =>
      createTaggedCalls({
        ...invoke,
        wrapperOpeners: ["<dots_function_call>"],
        wrapperClosers: ["</dots_function_call>"],
        hasEntities: false,
        hasJsonCalls: true,
      }),
  },
  {
    ...special,
    name: "step3",
    isDynamo: false,
    sglang: ["step3"],
    family: "tagged-calls",
    markers: ["<｜tool_calls_begin｜>"],
    syntax: () => createTaggedCalls(step3),
  },
  {
    ...common,
    name: "minicpm5",
    isDynamo: false,
    sglang: ["minicpm5"],
    family: "tagged-calls",
    markers: ["<function name="],
    syntax: () => createTaggedCalls(minicpm5),
  },
  {
    ...special,
    name: "minimax_m3",
    aliases: ["minimax-m3", "minimax_m3_nom", "minimax-m3-nom"],
    sglang: ["minimax-m3"],
    family: "nested-tags",
    markers: [`${minimaxNamespace}<tool_call>`, `${minimaxNamespace}<invoke`],
    syntax: createNestedTags,
  },
];

const glm: ArgumentPairsFormat = {
  callOpener: "<tool_call>",
  callCloser: "</tool_call>",
  keyOpener: "<arg_key>",
  keyCloser: "</arg_key>",
  valueOpener: "<arg_value>",
  valueCloser: "</arg_value>",
  values: glmValues,
};
const sglangGlm: ArgumentPairsFormat = {
  ...glm,
  values: { isNullString: "text", unknownBoolean: "string", plainLists: false },
};
const horizon: ArgumentPairsFormat = {
  wrapperOpeners: ["<ifm|tool_calls>"],
  wrapperClosers: ["</ifm|tool_calls>"],
  callOpener: "<ifm|tool_call>",
  callCloser: "</ifm|tool_call>",
  keyOpener: "<ifm|arg_key>",
  keyCloser: "</ifm|arg_key>",
  typeOpener: "<ifm|arg_type>",
  typeCloser: "</ifm|arg_type>",
  valueOpener: "<ifm|arg_value>",
  valueCloser: "</ifm|arg_value>",
  values: sglangGlm.values,
  hasJsonCalls: true,
};

const pairEntries: readonly ToolCallParserEntry[] = [
  {
    ...common,
    name: "glm47",
    aliases: ["glm45"],
    family: "argument-pairs",
    markers: ["<tool_call>"],
    callIds: "uuid",
    syntax: () => createArgumentPairs(glm),
  },
  {
    ...common,
    name: "sglang_glm",
    isDynamo: false,
    sglang: ["glm47", "glm45", "glm", "ling3", "poolside_v1", "spark25"],
    family: "argument-pairs",
    markers: ["<tool_call>"],
    syntax: () => createArgumentPairs(sglangGlm),
  },
  {
    ...common,
    name: "iquest_q1",
    isDynamo: false,
    sglang: ["iquest_q1"],
    family: "argument-pairs",
    markers: ["<iquest_tool_call>"],
    syntax: () =>
      createArgumentPairs({
        ...sglangGlm,
        callOpener: "<iquest_tool_call>",
        callCloser: "</iquest_tool_call>",
      }),
  },
  {
    ...special,
    name: "hunyuan",
    isDynamo: false,
    sglang: ["hunyuan"],
    family: "argument-pairs",
    markers: ["<tool_calls>", "<tool_call>"],
    syntax: () =>
      createArgumentPairs({
        ...sglangGlm,
        wrapperOpeners: ["<tool_calls>"],
        wrapperClosers: ["</tool_calls>"],
        nameEnd: "<tool_sep>",
      }),
  },
  {
    ...special,
    name: "k2_horizon",
    isDynamo: false,
    sglang: ["k2_horizon"],
    family: "argument-pairs",
    markers: ["<ifm|tool_calls>", "<ifm|tool_call>"],
    syntax: () => createArgumentPairs(horizon),
  },
];

const sectionEntries: readonly ToolCallParserEntry[] = [
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

const channelEntries: readonly ToolCallParserEntry[] = [
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

export const toolCallParsers: readonly ToolCallParserEntry[] = [
  ...jsonEntries,
  ...pythonicEntries,
  ...taggedEntries,
  ...pairEntries,
  ...sectionEntries,
  ...channelEntries,
];

import type { Trim } from "../../arguments/pass-value.ts";
import type { ValueRules } from "../../arguments/value-to-json.ts";
import { createNestedTags, minimaxNamespace } from "../../tool-calls/nested-tags.ts";
import { createTaggedCalls, type TaggedCallsFormat } from "../../tool-calls/tagged-calls.ts";
import type { ToolCallParserEntry } from "../parser-entry.ts";
import { common, special } from "./entry-defaults.ts";

const coderValues: ValueRules = {
  isNullString: "null",
  unknownBoolean: "false",
  plainLists: false,
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

export const taggedEntries: readonly ToolCallParserEntry[] = [
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

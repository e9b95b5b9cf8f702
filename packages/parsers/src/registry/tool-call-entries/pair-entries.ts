import type { ValueRules } from "../../arguments/value-to-json.ts";
import { type ArgumentPairsFormat, createArgumentPairs } from "../../tool-calls/argument-pairs.ts";
import type { ToolCallParserEntry } from "../parser-entry.ts";
import { common, special } from "./entry-defaults.ts";

const glmValues: ValueRules = {
  isNullString: "text",
  unknownBoolean: "yes",
  plainLists: true,
};

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

export const pairEntries: readonly ToolCallParserEntry[] = [
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

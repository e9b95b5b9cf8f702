// How the answers of one request are read: which markup means reasoning or a tool call.

import {
  createOutputParser,
  type OutputParserOptions,
  type ParserProcessor,
  resolveParserName,
} from "@dyn/parsers";
import type { ChatCompletionRequest } from "@dyn/protocol";
import { reasoningIsOn } from "../preprocess/reasoning-switch.ts";
import type { OutputSplitter } from "./output-splitter.ts";
import { ParserSplitter } from "./parser-splitter.ts";

/** The parsers of a model; `null`: none. Unknown names were refused before. */
export interface ModelParsers {
  readonly toolCalls: string | null;
  readonly reasoning: string | null;
  readonly processor: ParserProcessor;
}

export interface OutputReading {
  /** Special tokens are markup to it: they must reach it as text. */
  readonly keepsSpecialTokens: boolean;
  /** The answer begins with reasoning: its form holds behind that. Not where the prompt has closed it already. */
  readonly expectsReasoning: boolean;
  /** One per choice; `null`: all text is content. `tells.calls`: the end of each call is told, too. */
  createSplitter(tells?: { readonly calls: boolean }): OutputSplitter | null;
}

export const plainReading: OutputReading = Object.freeze({
  keepsSpecialTokens: false,
  expectsReasoning: false,
  createSplitter: () => null,
});

/** Throws an InvalidArgumentError that lists the known names when one is unknown. */
export function checkParsers(parsers: ModelParsers): void {
  const { toolCalls, reasoning, processor } = parsers;
  if (toolCalls !== null) resolveParserName("tool-call", toolCalls, processor);
  if (reasoning !== null) resolveParserName("reasoning", reasoning, processor);
}

/** `promptText`: ends inside a think tag when the model is to go on thinking; `null`: not known. */
export function readingOf(
  request: ChatCompletionRequest,
  parsers: ModelParsers,
  promptText: string | null,
): OutputReading {
  const { processor } = parsers;
  const reasoning =
    parsers.reasoning !== null && reasoningIsOn(request, parsers.reasoning)
      ? reasoningOptions(parsers.reasoning, processor, promptText)
      : null;
  const toolCalls = toolCallOptions(request, parsers);
  if (reasoning === null && toolCalls === null) return plainReading;
  const options: OutputParserOptions = {
    processor,
    ...(reasoning === null ? {} : { reasoning }),
    ...(toolCalls === null ? {} : { toolCalls }),
  };
  const entries = [
    ...(reasoning === null ? [] : [resolveParserName("reasoning", reasoning.name, processor)]),
    ...(toolCalls === null || toolCalls.name === null
      ? []
      : [resolveParserName("tool-call", toolCalls.name, processor)]),
  ];
  return {
    keepsSpecialTokens: entries.some(({ needsSpecialTokens }) => needsSpecialTokens),
    expectsReasoning: reasoning !== null && !isClosed(reasoning.name, processor, promptText),
    createSplitter: (tells) =>
      new ParserSplitter(createOutputParser(options), {
        isReasoningSeparate: request.separate_reasoning !== false,
        isReasoningStreamed: request.stream_reasoning !== false,
        tellsCallEnds: tells?.calls === true,
      }),
  };
}

function reasoningOptions(
  name: string,
  processor: ParserProcessor,
  promptText: string | null,
): NonNullable<OutputParserOptions["reasoning"]> {
  const { markers } = resolveParserName("reasoning", name, processor);
  const end = promptText?.trimEnd() ?? "";
  const [opener] = markers;
  const isOpen = opener !== undefined && opener !== "" && end.endsWith(opener);
  return isOpen ? { name, startInside: true } : { name };
}

/** Templates close an empty block of reasoning where there is to be none. */
function isClosed(name: string, processor: ParserProcessor, promptText: string | null): boolean {
  const closer = resolveParserName("reasoning", name, processor).markers[1];
  return closer !== undefined && (promptText?.trimEnd().endsWith(closer) ?? false);
}

/** A forced call is looked for without a parser too: it comes as bare JSON. */
function toolCallOptions(
  request: ChatCompletionRequest,
  { toolCalls }: ModelParsers,
): NonNullable<OutputParserOptions["toolCalls"]> | null {
  const { tools, tool_choice: choice } = request;
  if (tools == null || choice === "none") return null;
  const toolChoice =
    choice === "required"
      ? "required"
      : typeof choice === "object" && choice !== null
        ? { name: choice.function.name }
        : "auto";
  if (toolCalls === null && toolChoice === "auto") return null;
  return {
    name: toolCalls,
    tools: tools.map(({ function: { name, parameters } }) => ({ name, parameters })),
    toolChoice,
    parallel: request.parallel_tool_calls !== false,
  };
}

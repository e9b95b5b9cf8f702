import type { OutputParser } from "../contract/output-parser.ts";
import type { ReasoningOptions } from "../contract/parser-options.ts";
import { createOutputParser } from "./create-output-parser.ts";

/** Reasoning alone: calls stay in the content. `name`: one of `reasoningParserNames()`. */
export function createReasoningParser(name: string, options: ReasoningOptions = {}): OutputParser {
  return createOutputParser({ reasoning: { name, ...options } });
}

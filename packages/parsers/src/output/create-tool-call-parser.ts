import type { OutputParser } from "../contract/output-parser.ts";
import type { ToolCallOptions } from "../contract/parser-options.ts";
import { createOutputParser } from "./create-output-parser.ts";

/** Calls alone: reasoning stays in the content. `name`: one of `toolCallParserNames()`. */
export function createToolCallParser(name: string, options: ToolCallOptions): OutputParser {
  return createOutputParser({ toolCalls: { name, ...options } });
}

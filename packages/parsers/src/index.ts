export type { OutputParser } from "./contract/output-parser.ts";
export type { ParserEvent } from "./contract/parser-event.ts";
export type {
  CallIdGenerator,
  ReasoningOptions,
  ToolCallOptions,
} from "./contract/parser-options.ts";
export type { ToolChoice, ToolDefinition } from "./contract/tool-definition.ts";
export {
  type CollectedCall,
  type CollectedOutput,
  collectOutput,
} from "./output/collect-output.ts";
export { createOutputParser, type OutputParserOptions } from "./output/create-output-parser.ts";
export { createReasoningParser } from "./output/create-reasoning-parser.ts";
export { createToolCallParser } from "./output/create-tool-call-parser.ts";
export type {
  ParserProcessor,
  ReasoningParserEntry,
  ToolCallParserEntry,
} from "./registry/parser-entry.ts";
export {
  type ParserKind,
  reasoningParserNames,
  resolveParserName,
  toolCallParserNames,
} from "./registry/resolve-parser-name.ts";

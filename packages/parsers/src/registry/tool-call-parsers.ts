// Every tool-call parser by name: which family reads it, with what options. Names: spec sheets of Dynamo 1.6.1, SGLang 0.5.21.
import type { ToolCallParserEntry } from "./parser-entry.ts";
import { channelEntries } from "./tool-call-entries/channel-entries.ts";
import { jsonEntries } from "./tool-call-entries/json-entries.ts";
import { pairEntries } from "./tool-call-entries/pair-entries.ts";
import { pythonicEntries } from "./tool-call-entries/pythonic-entries.ts";
import { sectionEntries } from "./tool-call-entries/section-entries.ts";
import { taggedEntries } from "./tool-call-entries/tagged-entries.ts";

export const toolCallParsers: readonly ToolCallParserEntry[] = [
  ...jsonEntries,
  ...pythonicEntries,
  ...taggedEntries,
  ...pairEntries,
  ...sectionEntries,
  ...channelEntries,
];

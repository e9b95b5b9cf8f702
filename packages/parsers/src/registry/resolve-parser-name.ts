import { InvalidArgumentError } from "@dyn/protocol";
import { nearestName } from "./nearest-name.ts";
import type { ParserProcessor, ReasoningParserEntry, ToolCallParserEntry } from "./parser-entry.ts";
import { reasoningParsers } from "./reasoning-parsers.ts";
import { toolCallParsers } from "./tool-call-parsers.ts";

export type ParserKind = "tool-call" | "reasoning";

type EntryOf<K extends ParserKind> = K extends "tool-call"
  ? ToolCallParserEntry
  : ReasoningParserEntry;

/** Every name that is taken, aliases included, sorted. */
export function toolCallParserNames(processor: ParserProcessor = "dynamo"): readonly string[] {
  return [...tables[processor]["tool-call"].keys()];
}

/** Every name that is taken, aliases included, sorted. */
export function reasoningParserNames(processor: ParserProcessor = "dynamo"): readonly string[] {
  return [...tables[processor].reasoning.keys()];
}

/**
 * What is known of the parser that a name stands for.
 * @throws InvalidArgumentError for an unknown name, with the nearest and all known ones.
 */
export function resolveParserName<K extends ParserKind>(
  kind: K,
  name: string,
  processor: ParserProcessor = "dynamo",
): EntryOf<K> {
  const table = tables[processor][kind] as ReadonlyMap<string, EntryOf<K>>;
  const entry = table.get(name);
  if (entry !== undefined) return entry;
  const names = [...table.keys()];
  const nearest = nearestName(name, names);
  const hint = nearest === null ? "" : ` Did you mean ${JSON.stringify(nearest)}?`;
  throw new InvalidArgumentError(
    `There is no ${kind} parser ${JSON.stringify(name)}.${hint} Known: ${names.join(", ")}.`,
    {
      code: "DYN_PARSER_UNKNOWN",
      param: kind === "reasoning" ? "reasoning_parser" : "tool_call_parser",
    },
  );
}

const tables = {
  dynamo: {
    "tool-call": byDynamoName(toolCallParsers),
    reasoning: byDynamoName(reasoningParsers),
  },
  sglang: {
    "tool-call": bySglangName(toolCallParsers),
    reasoning: bySglangName(reasoningParsers),
  },
} as const;

type Named = Pick<ToolCallParserEntry, "name" | "aliases" | "isDynamo" | "sglang">;

function byDynamoName<T extends Named>(entries: readonly T[]): ReadonlyMap<string, T> {
  const own = entries.filter(({ isDynamo }) => isDynamo !== false);
  return sorted(
    own.flatMap((entry) => [entry.name, ...(entry.aliases ?? [])].map((name) => [name, entry])),
  );
}

function bySglangName<T extends Named>(entries: readonly T[]): ReadonlyMap<string, T> {
  return sorted(entries.flatMap((entry) => (entry.sglang ?? []).map((name) => [name, entry])));
}

function sorted<T>(pairs: [string, T][]): ReadonlyMap<string, T> {
  return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

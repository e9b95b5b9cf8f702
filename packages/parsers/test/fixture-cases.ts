// The fixtures: what a text is, and what must be said of it. One file per format; aliases share it.
import { readdirSync, readFileSync } from "node:fs";
import {
  type CollectedOutput,
  collectOutput,
  createOutputParser,
  type OutputParser,
  type OutputParserOptions,
  type ParserEvent,
  type ParserProcessor,
  type ToolChoice,
  type ToolDefinition,
} from "@dyn/parsers";

export interface FixtureCase {
  readonly name: string;
  readonly text: string;
  readonly content: string;
  readonly reasoning?: string;
  readonly calls?: readonly {
    readonly name: string;
    readonly arguments: string;
    readonly id?: string;
    /** False: the text ends inside it. */
    readonly isComplete?: false;
  }[];
  readonly reasoningParser?: string;
  readonly toolParser?: string;
  readonly startInside?: boolean;
  readonly toolChoice?: ToolChoice;
  readonly parallel?: false;
}

export interface FixtureFile {
  readonly kind: "tool-call" | "reasoning" | "forced";
  readonly parser: string;
  readonly processor: ParserProcessor;
  readonly tools: readonly ToolDefinition[];
  readonly cases: readonly FixtureCase[];
}

const folder = new URL("./fixtures/", import.meta.url);

export function readFixtures(kind: FixtureFile["kind"]): FixtureFile[] {
  const place = new URL(
    { "tool-call": "tool-calls/", reasoning: "reasoning/", forced: "forced/" }[kind],
    folder,
  );
  return readdirSync(place).map((file) => ({
    processor: "dynamo",
    tools: [],
    ...JSON.parse(readFileSync(new URL(file, place), "utf8")),
    kind,
  }));
}

/** What a case asks for, under another name of the same format where one is given. */
export function optionsOf(
  file: FixtureFile,
  one: FixtureCase,
  alias = file.parser,
): OutputParserOptions {
  const { tools, processor, kind } = file;
  const { reasoningParser, startInside, toolChoice, parallel, toolParser } = one;
  const reasoning = kind === "reasoning" ? alias : reasoningParser;
  const tool = kind === "reasoning" ? toolParser : alias;
  return {
    processor,
    ...(reasoning
      ? { reasoning: { name: reasoning, ...(startInside === undefined ? {} : { startInside }) } }
      : {}),
    ...(tool
      ? {
          toolCalls: {
            name: tool === "none" ? null : tool,
            tools,
            ...(toolChoice === undefined ? {} : { toolChoice }),
            ...(parallel === undefined ? {} : { parallel }),
            idGenerator: ({ index, nativeId }) => nativeId ?? `call-${index}`,
          },
        }
      : {}),
  };
}

export function parsePieces(options: OutputParserOptions, pieces: Iterable<string>): ParserEvent[] {
  const parser: OutputParser = createOutputParser(options);
  const events: ParserEvent[] = [];
  for (const piece of pieces) events.push(...parser.push(piece));
  events.push(...parser.finish());
  return events;
}

/** Events with neighbours of one kind joined: what no way of cutting the text may change. */
export function joinEvents(events: readonly ParserEvent[]): ParserEvent[] {
  const joined: ParserEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type === "content" && last?.type === "content") {
      joined[joined.length - 1] = { ...event, text: last.text + event.text };
    } else if (event.type === "reasoning" && last?.type === "reasoning") {
      joined[joined.length - 1] = { ...event, text: last.text + event.text };
    } else if (event.type === "tool-call-arguments" && last?.type === "tool-call-arguments") {
      joined[joined.length - 1] = { ...event, delta: last.delta + event.delta };
    } else {
      joined.push(event);
    }
  }
  return joined;
}

/** What a case expects, in the shape of `collectOutput`, without what the case leaves open. */
export function expectedOf(one: FixtureCase) {
  return {
    content: one.content,
    reasoning: one.reasoning ?? "",
    calls: (one.calls ?? []).map((call) => ({
      name: call.name,
      arguments: call.arguments,
      isComplete: call.isComplete ?? true,
      ...(call.id === undefined ? {} : { id: call.id }),
    })),
  };
}

export function actualOf(one: FixtureCase, events: readonly ParserEvent[]) {
  const output: CollectedOutput = collectOutput(events);
  return {
    content: output.content,
    reasoning: output.reasoning,
    calls: output.toolCalls.map((call, index) => ({
      name: call.name,
      arguments: call.arguments,
      isComplete: call.isComplete,
      ...(one.calls?.[index]?.id === undefined ? {} : { id: call.id }),
    })),
  };
}

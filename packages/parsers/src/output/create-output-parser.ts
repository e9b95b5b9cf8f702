import { DynError } from "@dyn/protocol";
import type { OutputParser } from "../contract/output-parser.ts";
import type { ParserEvent } from "../contract/parser-event.ts";
import type { ReasoningOptions, ToolCallOptions } from "../contract/parser-options.ts";
import type { ParserProcessor } from "../registry/parser-entry.ts";
import { selectSyntaxes } from "../registry/select-syntaxes.ts";
import { TextCursor } from "../scan/text-cursor.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { createCallIds } from "./call-ids.ts";
import { ParseContext } from "./parse-context.ts";

export interface OutputParserOptions {
  /** `name`: one of `reasoningParserNames()`. Left out: reasoning stays in the content, markers included. */
  readonly reasoning?: { readonly name: string } & ReasoningOptions;
  /**
   * `name`: one of `toolCallParserNames()`, or null where only the bare JSON of a forced choice is looked for.
   * Left out: calls stay in the content.
   */
  readonly toolCalls?: { readonly name: string | null } & ToolCallOptions;
  /** Whose names these are. Default `dynamo`. */
  readonly processor?: ParserProcessor;
}

const defaultMaxHeldLength = 8 * 1024 * 1024;

/**
 * Splits an answer into reasoning, content and calls. Calls within reasoning are reasoning, save for the parsers whose
 * format lets a call end it; reasoning tags within a call's arguments are arguments.
 * @throws InvalidArgumentError for an unknown name, with the known ones.
 */
export function createOutputParser(options: OutputParserOptions): OutputParser {
  const { toolCalls } = options;
  const { syntaxes, callIds } = selectSyntaxes(options);
  const cursor = new TextCursor(toolCalls?.maxHeldLength ?? defaultMaxHeldLength);
  const writer = new AnswerWriter({
    idGenerator: toolCalls?.idGenerator ?? createCallIds(callIds),
    isParallel: toolCalls?.parallel ?? true,
    isWhole: toolCalls?.deliverArguments === "whole",
  });
  const tools = toolCalls?.tools ?? [];
  const choice = toolCalls?.toolChoice ?? "auto";
  const context = new ParseContext(cursor, writer, syntaxes, tools, choice);
  return new SyntaxParser(cursor, writer, context);
}

class SyntaxParser implements OutputParser {
  readonly #cursor: TextCursor;
  readonly #writer: AnswerWriter;
  readonly #steps: Generator<undefined, void, undefined>;
  #isFinished = false;

  constructor(cursor: TextCursor, writer: AnswerWriter, context: ParseContext) {
    this.#cursor = cursor;
    this.#writer = writer;
    this.#steps = context.parse();
    // Up to the first text: it may begin inside reasoning.
    this.#steps.next();
  }

  push(text: string): ParserEvent[] {
    this.#checkOpen();
    if (text === "") return [];
    this.#cursor.feed(text);
    this.#steps.next();
    return this.#writer.takeEvents();
  }

  finish(): ParserEvent[] {
    this.#checkOpen();
    this.#isFinished = true;
    this.#cursor.end();
    this.#steps.next();
    return this.#writer.takeEvents();
  }

  get isInsideReasoning(): boolean {
    return this.#writer.isInsideReasoning;
  }

  get scannedLength(): number {
    return this.#cursor.scannedLength;
  }

  #checkOpen(): void {
    if (!this.#isFinished) return;
    throw new DynError("This parser was finished; create one for each answer.", {
      code: "DYN_PARSER_FINISHED",
      status: 500,
    });
  }
}

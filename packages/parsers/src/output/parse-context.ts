// What the formats share while they read one answer: the text, the writer, the tools, and how plain content is read.
import type { ToolChoice, ToolDefinition } from "../contract/tool-definition.ts";
import { BrokenSyntax } from "../scan/broken-syntax.ts";
import { MarkerSet } from "../scan/marker-set.ts";
import { isBlank, type Parsing, type TextCursor } from "../scan/text-cursor.ts";
import type { AnswerWriter } from "./answer-writer.ts";
import type { Syntax } from "./syntax.ts";

const maxHeldBlanks = 4096;
const noMarkers = new MarkerSet([]);

export class ParseContext {
  readonly cursor: TextCursor;
  readonly writer: AnswerWriter;
  readonly toolChoice: ToolChoice;
  readonly #tools: ReadonlyMap<string, ToolDefinition>;
  readonly #openers = new Map<string, Syntax>();
  readonly #syntaxes: readonly Syntax[];
  /** Sets of markers by the stops they were made for. */
  #sets = new Map<MarkerSet, MarkerSet>();
  /** Where blanks may turn out to belong to a call rather than to the content. */
  #blanks = "";
  #place: "answer-start" | "behind-call" | "text" = "answer-start";

  constructor(
    cursor: TextCursor,
    writer: AnswerWriter,
    syntaxes: readonly Syntax[],
    tools: readonly ToolDefinition[],
    toolChoice: ToolChoice,
  ) {
    this.cursor = cursor;
    this.writer = writer;
    this.toolChoice = toolChoice;
    this.#syntaxes = syntaxes;
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    for (const syntax of syntaxes) {
      for (const opener of syntax.openers) {
        if (!this.#openers.has(opener)) this.#openers.set(opener, syntax);
      }
    }
  }

  /** The whole answer. */
  *parse(): Parsing {
    for (const syntax of this.#syntaxes) if (syntax.begin) yield* syntax.begin(this);
    yield* this.content(noMarkers);
  }

  /** The declared JSON Schema of a tool's arguments. */
  schemaOf(tool: string): ToolDefinition["parameters"] {
    return this.#tools.get(tool)?.parameters;
  }

  /** From now on the openers of this syntax are plain text. */
  dismiss(syntax: Syntax): void {
    for (const [opener, owner] of this.#openers) {
      if (owner === syntax) this.#openers.delete(opener);
    }
    this.#sets = new Map();
  }

  /** A call is complete: blanks behind it are nobody's, and its text can no longer be given back. */
  endCall(): void {
    this.writer.endCall();
    this.#place = "behind-call";
    if (this.cursor.isRecording) this.cursor.startRecord();
  }

  /** A tag that closes calls was taken: blanks behind it are nobody's, if there was a call. */
  leaveCall(): void {
    if (this.writer.hasCalls) this.#place = "behind-call";
  }

  /** Blanks that were taken behind a call and did not lead to more of it. */
  returnBlanks(blanks: string): void {
    this.#blanks = blanks;
  }

  /**
   * Reads content, and what is opened within it, up to one of `stops`, which is not taken; `""` when the end came.
   * Blanks between and behind calls are dropped.
   */
  *content(stops: MarkerSet): Parsing<string> {
    for (;;) {
      if (this.#place !== "text" && (yield* this.#leadingBlanks(stops))) continue;
      const markers = this.#withOpeners(stops);
      const marker = yield* this.cursor.passUntil(markers, (text) => {
        this.#place = "text";
        this.writer.content(text);
      });
      if (marker === "" || stops.has(marker)) return marker;
      const syntax = this.#openers.get(marker) as Syntax;
      yield* this.attempt(syntax.open(this, marker));
    }
  }

  /**
   * Reads a piece of syntax; if it breaks, its text is content and reading goes on where it broke. `before`: blanks
   * that were taken ahead of it and share its fate.
   */
  *attempt(parsing: Parsing, before = ""): Parsing {
    this.cursor.startRecord(before);
    try {
      yield* parsing;
      this.cursor.takeRecord();
    } catch (error) {
      if (!(error instanceof BrokenSyntax)) throw error;
      const isSaid = this.writer.cutCall(this.cursor.isAtEnd ? "end-of-text" : "malformed");
      const text = this.cursor.takeRecord();
      if (isSaid || text === "") return;
      this.#place = "text";
      this.#blanks = "";
      this.writer.content(text);
    }
  }

  /** What was opened can no longer break: its text is not given back, and content may be read within it. */
  commit(): void {
    this.cursor.takeRecord();
  }

  /** Blanks at the start or behind a call. True when a call without a marker was read behind them. */
  *#leadingBlanks(stops: MarkerSet): Parsing<boolean> {
    const { cursor, writer } = this;
    const isBehindCall = this.#place === "behind-call";
    let blanks = this.#blanks;
    this.#blanks = "";
    for (;;) {
      const marker = yield* cursor.peekMarker(this.#withOpeners(stops));
      if (marker !== "") {
        const isCall = this.#openers.get(marker)?.kind !== "reasoning";
        if (!isBehindCall || !(isCall || stops.has(marker))) writer.content(blanks);
        return false;
      }
      const unit = yield* cursor.peek();
      if (unit === "" && isBehindCall) return false;
      if (unit === "" || !isBlank(unit) || blanks.length >= maxHeldBlanks) {
        return yield* this.#firstText(unit, blanks);
      }
      blanks += cursor.take(1);
    }
  }

  *#firstText(unit: string, blanks: string): Parsing<boolean> {
    const isAnswerStart = this.#place === "answer-start";
    this.#place = "text";
    const syntax = this.#syntaxes.find((one) => unit !== "" && one.bareUnits?.includes(unit));
    if (!isAnswerStart || !syntax?.readBare) {
      this.writer.content(blanks);
      return false;
    }
    yield* this.attempt(syntax.readBare(this), blanks);
    return true;
  }

  #withOpeners(stops: MarkerSet): MarkerSet {
    let set = this.#sets.get(stops);
    if (set === undefined) {
      set = new MarkerSet([...stops.markers, ...this.#openers.keys()]);
      this.#sets.set(stops, set);
    }
    return set;
  }
}

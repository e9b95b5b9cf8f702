import type { OutputParser, ParserEvent } from "@dyn/parsers";
import type { OutputPiece } from "./choice-delta.ts";
import {
  nothingSplit,
  type OutputSplitter,
  piecesToSplit,
  type SplitText,
} from "./output-splitter.ts";

export interface ParserSplitterOptions {
  /** `false`: reasoning is shown as content, without its markers. */
  readonly isReasoningSeparate: boolean;
  /** `false`: reasoning is held back until it is whole. */
  readonly isReasoningStreamed: boolean;
  /** The end of each call is a piece of its own. */
  readonly tellsCallEnds: boolean;
}

/** What a parser says of a choice's text, as parts of the choice. */
export class ParserSplitter implements OutputSplitter {
  readonly #parser: OutputParser;
  readonly #options: ParserSplitterOptions;
  /** Reasoning that waits for its end. */
  #held = "";
  #hasCalls = false;
  #isCut = false;

  constructor(parser: OutputParser, options: ParserSplitterOptions) {
    this.#parser = parser;
    this.#options = options;
  }

  get isInsideReasoning(): boolean {
    return this.#parser.isInsideReasoning;
  }

  get hasCalls(): boolean {
    return this.#hasCalls;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  push(text: string): SplitText {
    return this.#split(this.#parser.push(text));
  }

  finish(): SplitText {
    const pieces = this.#toPieces(this.#parser.finish());
    this.#letReasoningOut(pieces);
    return piecesToSplit(pieces);
  }

  #split(events: readonly ParserEvent[]): SplitText {
    return events.length === 0 ? nothingSplit : piecesToSplit(this.#toPieces(events));
  }

  #toPieces(events: readonly ParserEvent[]): OutputPiece[] {
    const pieces: OutputPiece[] = [];
    for (const event of events) {
      if (event.type !== "reasoning") this.#letReasoningOut(pieces);
      switch (event.type) {
        case "content":
          pieces.push({ kind: "text", text: event.text });
          break;
        case "reasoning":
          this.#held += event.text;
          if (this.#options.isReasoningStreamed) this.#letReasoningOut(pieces);
          break;
        case "tool-call-start": {
          const { index, id, name } = event;
          pieces.push({ kind: "call", call: { index, begin: { id, name }, arguments: "" } });
          break;
        }
        case "tool-call-arguments":
          pieces.push({
            kind: "call",
            call: { index: event.index, begin: null, arguments: event.delta },
          });
          break;
        case "tool-call-end":
          this.#hasCalls = true;
          if (this.#options.tellsCallEnds) {
            const { index } = event;
            pieces.push({ kind: "call", call: { index, begin: null, arguments: "", isEnd: true } });
          }
          break;
        case "tool-call-cut":
          if (event.reason === "end-of-text") this.#isCut = true;
          break;
      }
    }
    return pieces;
  }

  #letReasoningOut(pieces: OutputPiece[]): void {
    if (this.#held === "") return;
    const kind = this.#options.isReasoningSeparate ? "reasoning" : "text";
    pieces.push({ kind, text: this.#held });
    this.#held = "";
  }
}

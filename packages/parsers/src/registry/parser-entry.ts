import type { CallIdStyle } from "../output/call-ids.ts";
import type { Syntax } from "../output/syntax.ts";

/** Whose names are meant: the chat processor that was chosen. */
export type ParserProcessor = "dynamo" | "sglang";

/** Formats that frame calls, reasoning and content alike: one reader serves both names. */
export type ChannelFormat = "harmony" | "kimi_k3" | "inkling" | "muse";

interface ParserEntry {
  /** Our name for it, and the first in the lists. */
  readonly name: string;
  /** Other spellings that Dynamo takes. */
  readonly aliases?: readonly string[];
  /** False for what only SGLang's names lead to. */
  readonly isDynamo?: false;
  /** SGLang's names for the same format. */
  readonly sglang?: readonly string[];
  /** The file that reads it. */
  readonly family: string;
  /** What begins something of this format, for display and for stop lists; empty when nothing fixed does. */
  readonly markers: readonly string[];
  /** Its markers are special tokens: the text must be decoded with `skip_special_tokens: false`. */
  readonly needsSpecialTokens: boolean;
}

export interface ToolCallParserEntry extends ParserEntry {
  readonly callIds: CallIdStyle;
  /** The reference forces this format by structural tags rather than by bare JSON, always or when the card asks. */
  readonly structuralTag: "always" | "named" | "on-request";
  readonly syntax: ChannelFormat | (() => Syntax);
}

export interface ReasoningParserEntry extends ParserEntry {
  /** Between which texts it stands, and what else ends it; absent where no fixed texts do. */
  readonly brackets?: {
    readonly opener: string;
    readonly closer: string;
    readonly enders: readonly string[];
  };
  /** Whether an answer begins inside reasoning when nothing else is known. */
  readonly startsInside: boolean;
  readonly syntax:
    | ChannelFormat
    | ((startInside: boolean | undefined, processor: ParserProcessor) => Syntax);
}

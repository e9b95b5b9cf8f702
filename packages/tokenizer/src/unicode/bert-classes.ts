// The classes of BERT's normaliser and pre-tokenizer, by the older tables of the crate that defines them.

import { propertyToClass, tableToClass } from "./code-point-class.ts";
import {
  marksKeptByBert,
  marksNotStripped,
  punctuationUnknownToBert,
} from "./code-point-tables.ts";

/** A BERT normaliser that cleans drops these; tab, line feed and carriage return stay. */
export const bertControls = new RegExp(
  `[[\\p{Cc}\\p{Cf}\\p{Co}\\u{fffd}]--[${tableToClass("9-a d 890-891 8e2 110cd 13430-1343f")}]]`,
  "gv",
);

export const bertMarks = new RegExp(
  `[[\\p{Mn}--[${tableToClass(marksKeptByBert)}]]\\u{1734}\\u{1171e}]`,
  "gv",
);

export const bertIdeographs =
  /[\u{3400}-\u{4dbf}\u{4e00}-\u{9fff}\u{f900}-\u{faff}\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

export const bertPunctuation = new RegExp(
  `[[\\p{P}--[${tableToClass(punctuationUnknownToBert)}]]$+<=\\>\\^\\\`\\|\\~\\u{166d}\\u{111c9}]`,
  "gv",
);

/** What StripAccents takes away. */
export const accents = new RegExp(
  `[[\\p{M}--[${tableToClass(marksNotStripped)}]]\\u{1cf2}\\u{1cf3}]`,
  "gv",
);

export const whiteSpace = /\p{White_Space}/gu;

/** `\w+|[^\w\s]+` of the pre-tokenizer Whitespace. */
export const wordsOrSymbols = createWordsOrSymbols();

function createWordsOrSymbols(): RegExp {
  const word = ["Alphabetic", "M", "Nd", "Pc"].map((name) => propertyToClass(name)).join("");
  return new RegExp(
    `[${word}\\p{Join_Control}]+|[^${word}\\p{Join_Control}\\p{White_Space}]+`,
    "gv",
  );
}

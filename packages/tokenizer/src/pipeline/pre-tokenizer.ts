// Pre-tokenizers of the families that are not byte-level: text to pieces.
import { type Component, isJsonObject } from "../file/tokenizer-json.ts";
import { bertPunctuation, whiteSpace, wordsOrSymbols } from "../unicode/bert-classes.ts";
import { propertyToClass } from "../unicode/code-point-class.ts";
import { literalToRegExp, readPattern } from "./pattern.ts";
import { isSplitBehavior, type SplitBehavior, splitText } from "./split.ts";

export interface Pieces {
  readonly texts: readonly string[];
  /** The first piece begins where the whole input begins. */
  readonly startsInput: boolean;
}

export type PreTokenize = (pieces: Pieces) => Pieces;

const digits = new RegExp(propertyToClass("N"), "gv");

/** null: a part that is not known here. */
export function createPreTokenizer(component: Component | null): PreTokenize | null {
  if (component === null) return (pieces) => pieces;
  switch (component.type) {
    case "Metaspace":
      return createMetaspace(component);
    case "Split": {
      const pattern = readPattern(component.pattern);
      const { behavior } = component;
      if (pattern === null || !isSplitBehavior(behavior)) return null;
      return cutWith(pattern, behavior, component.invert === true);
    }
    case "BertPreTokenizer":
      return chain([cutWith(whiteSpace, "Removed"), cutWith(bertPunctuation, "Isolated")]);
    case "WhitespaceSplit":
      return cutWith(whiteSpace, "Removed");
    case "Whitespace":
      return cutWith(wordsOrSymbols, "Removed", true);
    case "Punctuation": {
      const behavior = component.behavior ?? "Isolated";
      return isSplitBehavior(behavior) ? cutWith(bertPunctuation, behavior) : null;
    }
    case "Digits":
      return cutWith(digits, component.individual_digits === true ? "Isolated" : "Contiguous");
    case "Sequence":
      return createSequence(component.pretokenizers);
    default:
      return null;
  }
}

function createSequence(parts: unknown): PreTokenize | null {
  if (!Array.isArray(parts)) return null;
  const steps: PreTokenize[] = [];
  for (const part of parts) {
    const step = isJsonObject(part) ? createPreTokenizer(part as Component) : null;
    if (step === null) return null;
    steps.push(step);
  }
  return chain(steps);
}

const chain =
  (steps: readonly PreTokenize[]): PreTokenize =>
  (pieces) =>
    steps.reduce((current, step) => step(current), pieces);

function cutWith(pattern: RegExp, behavior: SplitBehavior, invert = false): PreTokenize {
  return ({ texts, startsInput }) => ({
    texts: texts.flatMap((text) => splitText(text, pattern, behavior, invert)),
    startsInput: startsInput && !losesStart(texts[0] ?? "", pattern, behavior, invert),
  });
}

function losesStart(text: string, pattern: RegExp, behavior: SplitBehavior, invert: boolean) {
  return behavior === "Removed" && (text.search(pattern) === 0) !== invert;
}

function createMetaspace(component: Component): PreTokenize | null {
  const mark = component.replacement ?? "\u2581";
  if (typeof mark !== "string") return null;
  const scheme =
    component.add_prefix_space === false ? "never" : (component.prepend_scheme ?? "always");
  if (scheme !== "always" && scheme !== "first" && scheme !== "never") return null;
  const pattern = literalToRegExp(mark);
  const splits = component.split !== false;
  return ({ texts, startsInput }) => ({
    texts: texts.flatMap((text, index) => {
      const marked = text.replaceAll(" ", mark);
      const isPrefixed =
        !marked.startsWith(mark) &&
        (scheme === "always" || (scheme === "first" && startsInput && index === 0));
      const whole = isPrefixed ? mark + marked : marked;
      return splits ? splitText(whole, pattern, "MergedWithNext") : [whole];
    }),
    startsInput,
  });
}

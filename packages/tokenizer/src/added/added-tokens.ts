// Added tokens: found in the text before the model sees it, each by its own rules.
// Order, ids and overlaps as in Hugging Face tokenizers: leftmost match first, the longest of those.
import type { AddedTokenEntry } from "../file/tokenizer-json.ts";

export interface AddedToken extends AddedTokenEntry {
  /** What stands in the text: the content, normalised when the token is. */
  readonly pattern: string;
}

/** Calls `onId` and `onText` for the parts of a text in their order, until `onId` says false; empty parts are left out. */
export type AddedTokenSplitter = (
  text: string,
  onText: (text: string, start: number) => void,
  onId: (id: number) => boolean,
) => void;

const trailingSpace = /\p{White_Space}*$/u;
const leadingSpace = /^\p{White_Space}*/u;
const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const endsWithWord = new RegExp(`${WORD}$`, "u");
const startsWithWord = new RegExp(`^${WORD}`, "u");

/** null: no token to look for. */
export function createAddedTokenSplitter(tokens: readonly AddedToken[]): AddedTokenSplitter | null {
  const byPattern = new Map<string, AddedToken>();
  for (const token of tokens) if (token.pattern !== "") byPattern.set(token.pattern, token);
  if (byPattern.size === 0) return null;
  const finder = createFinder([...byPattern.keys()]);
  return (text, onText, onId) => {
    let done = 0;
    const find = finder(text);
    for (let match = find(0); match !== null; match = find(match.end)) {
      let { start, end } = match;
      const token = byPattern.get(text.slice(start, end))!;
      if (token.singleWord && !isAlone(text, start, end)) continue;
      if (token.lstrip) {
        start = Math.max(done, start - trailingSpace.exec(text.slice(done, start))![0].length);
      }
      if (token.rstrip) end += leadingSpace.exec(text.slice(end))![0].length;
      if (done < start) onText(text.slice(done, start), done);
      if (!onId(token.id)) return;
      done = end;
    }
    if (done < text.length) onText(done === 0 ? text : text.slice(done), done);
  };
}

function isAlone(text: string, start: number, end: number): boolean {
  return !endsWithWord.test(text.slice(0, start)) && !startsWithWord.test(text.slice(end));
}

/** Of one text; gives the next pattern from an index on, which must not go back. */
type Finder = (
  text: string,
) => (from: number) => { readonly start: number; readonly end: number } | null;

/** More are looked for by one regular expression. */
const maxFirsts = 4;

/** One alternation, longest first, under their common first characters. */
function createFinder(patterns: readonly string[]): Finder {
  const quote = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const byFirst = new Map<string, string[]>();
  for (const pattern of patterns) {
    const first = String.fromCodePoint(pattern.codePointAt(0)!);
    byFirst.set(first, [...(byFirst.get(first) ?? []), pattern.slice(first.length)]);
  }
  const branches = [...byFirst].map(([first, rests]) => {
    const sorted = rests.sort((a, b) => b.length - a.length).map(quote);
    return `${quote(first)}(?:${sorted.join("|")})`;
  });
  const source = branches.join("|");
  return byFirst.size <= maxFirsts
    ? findByFirst([...byFirst.keys()], new RegExp(source, "uy"))
    : findByPattern(new RegExp(source, "gu"));
}

function findByPattern(pattern: RegExp): Finder {
  return (text) => (from) => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    return match === null ? null : { start: match.index, end: pattern.lastIndex };
  };
}

/** Most of a text begins no token: one character is looked for many times faster than a pattern. */
function findByFirst(firsts: readonly string[], pattern: RegExp): Finder {
  return (text) => {
    // Where each is next: kept, or a rare one would be looked for to the end after each that is not. Length: nowhere.
    const next = firsts.map((first) => indexOrEnd(text, first, 0));
    return (from) => {
      for (;;) {
        let nearest = text.length;
        for (let i = 0; i < firsts.length; i++) {
          if (next[i]! < from) next[i] = indexOrEnd(text, firsts[i]!, from);
          if (next[i]! < nearest) nearest = next[i]!;
        }
        if (nearest === text.length) return null;
        pattern.lastIndex = nearest;
        if (pattern.test(text)) return { start: nearest, end: pattern.lastIndex };
        const at = next.indexOf(nearest);
        next[at] = indexOrEnd(text, firsts[at]!, nearest + 1);
      }
    };
  };
}

function indexOrEnd(text: string, first: string, from: number): number {
  const at = text.indexOf(first, from);
  return at === -1 ? text.length : at;
}

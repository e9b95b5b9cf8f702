// Cuts text where a pattern matches, with the five behaviours of Hugging Face tokenizers.

export type SplitBehavior =
  | "Isolated"
  | "Removed"
  | "MergedWithPrevious"
  | "MergedWithNext"
  | "Contiguous";

export function isSplitBehavior(value: unknown): value is SplitBehavior {
  return (
    value === "Isolated" ||
    value === "Removed" ||
    value === "MergedWithPrevious" ||
    value === "MergedWithNext" ||
    value === "Contiguous"
  );
}

interface Span {
  start: number;
  end: number;
  readonly isMatch: boolean;
}

/** `pattern` is global. Empty pieces are left out. */
export function splitText(
  text: string,
  pattern: RegExp,
  behavior: SplitBehavior,
  invert = false,
): string[] {
  const spans = joinSpans(findSpans(text, pattern, invert), behavior);
  return spans.filter((s) => s.end > s.start).map((s) => text.slice(s.start, s.end));
}

function findSpans(text: string, pattern: RegExp, invert: boolean): Span[] {
  const spans: Span[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const start = match.index;
    const end = start + match[0].length;
    if (start > done) spans.push({ start: done, end: start, isMatch: invert });
    spans.push({ start, end, isMatch: !invert });
    done = end;
  }
  if (done < text.length) spans.push({ start: done, end: text.length, isMatch: invert });
  return spans;
}

function joinSpans(spans: Span[], behavior: SplitBehavior): Span[] {
  if (behavior === "Isolated") return spans;
  if (behavior === "Removed") return spans.filter((span) => !span.isMatch);
  if (behavior === "MergedWithNext") {
    return joinSpansBackwards(spans);
  }
  const joined: Span[] = [];
  let wasMatch = false;
  for (const span of spans) {
    const last = joined.at(-1);
    const joins = behavior === "Contiguous" ? span.isMatch === wasMatch : span.isMatch && !wasMatch;
    if (joins && last !== undefined) last.end = span.end;
    else joined.push({ ...span });
    wasMatch = span.isMatch;
  }
  return joined;
}

function joinSpansBackwards(spans: Span[]): Span[] {
  const joined: Span[] = [];
  let wasMatch = false;
  for (const span of spans.toReversed()) {
    const last = joined.at(-1);
    if (span.isMatch && !wasMatch && last !== undefined) last.start = span.start;
    else joined.push({ ...span });
    wasMatch = span.isMatch;
  }
  return joined.reverse();
}

import { isDeepStrictEqual } from "node:util";
import {
  type ParserKind,
  reasoningParserNames,
  resolveParserName,
  toolCallParserNames,
} from "@dyn/parsers";
import { describe, expect, it } from "vitest";
import {
  actualOf,
  expectedOf,
  type FixtureFile,
  joinEvents,
  optionsOf,
  parsePieces,
  readFixtures,
} from "./fixture-cases.ts";
import { createRandom } from "./random.ts";

const files = [
  ...readFixtures("tool-call"),
  ...readFixtures("reasoning"),
  ...readFixtures("forced"),
];

describe.each(files)("$kind $parser", (file) => {
  it.each(file.cases.map((one) => [one.name, one] as const))("%s", (_, one) => {
    expect(actualOf(one, parsePieces(optionsOf(file, one), [one.text]))).toEqual(expectedOf(one));
  });

  it("says the same however the text is cut", () => {
    const random = createRandom(20261126);
    for (const one of file.cases) {
      const options = optionsOf(file, one);
      const whole = joinEvents(parsePieces(options, [one.text]));
      for (const pieces of cutsOf(one.text, random)) {
        const events = joinEvents(parsePieces(options, pieces));
        if (!isDeepStrictEqual(events, whole)) {
          expect(events, `${one.name}: ${JSON.stringify(pieces)}`).toEqual(whole);
        }
      }
      if (options.toolCalls) Object.assign(options.toolCalls, { deliverArguments: "whole" });
      expect(joinEvents(parsePieces(options, one.text))).toEqual(
        joinEvents(parsePieces(options, [one.text])),
      );
    }
  });

  it("ends every call with valid JSON and never repeats an id", () => {
    for (const one of file.cases) {
      const ids = new Set<string>();
      const texts = new Map<number, string>();
      for (const event of parsePieces(optionsOf(file, one), one.text)) {
        if (event.type === "tool-call-start") {
          expect(ids.has(event.id)).toBe(false);
          ids.add(event.id);
        } else if (event.type === "tool-call-arguments") {
          texts.set(event.index, (texts.get(event.index) ?? "") + event.delta);
        } else if (event.type === "tool-call-end") {
          expect(() => JSON.parse(texts.get(event.index) ?? "")).not.toThrow();
        }
      }
    }
  });
});

/** Every cut in two, unit by unit, and 20 cuts at random places. */
function* cutsOf(text: string, random: () => number): Generator<string[]> {
  for (let at = 1; at < text.length; at++) yield [text.slice(0, at), text.slice(at)];
  yield text.split("");
  for (let round = 0; round < 20; round++) {
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const length = 1 + Math.floor(random() * 12);
      pieces.push(text.slice(at, at + length));
      at += length;
    }
    yield pieces;
  }
}

it.each(["dynamo", "sglang"] as const)(
  "every name of %s has fixtures, aliases by their format",
  (processor) => {
    const entriesOf = (kind: ParserKind, of: readonly FixtureFile[]) =>
      new Set(of.map((file) => resolveParserName(kind, file.parser, file.processor)));
    const tools = entriesOf("tool-call", readFixtures("tool-call"));
    for (const name of toolCallParserNames(processor)) {
      expect(tools.has(resolveParserName("tool-call", name, processor)), name).toBe(true);
    }
    const reasoning = entriesOf("reasoning", readFixtures("reasoning"));
    for (const name of reasoningParserNames(processor)) {
      expect(reasoning.has(resolveParserName("reasoning", name, processor)), name).toBe(true);
    }
    for (const file of readFixtures("tool-call"))
      expect(file.cases.length).toBeGreaterThanOrEqual(12);
    for (const file of readFixtures("reasoning"))
      expect(file.cases.length).toBeGreaterThanOrEqual(12);
  },
);

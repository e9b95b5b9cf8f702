// Whatever a model writes: no parser throws, what it says keeps the rules of events, and no cut changes it.
import {
  createOutputParser,
  type ParserEvent,
  type ParserProcessor,
  reasoningParserNames,
  resolveParserName,
  toolCallParserNames,
} from "@dyn/parsers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinEvents, optionsOf, parsePieces, readFixtures } from "./fixture-cases.ts";

const processors = ["dynamo", "sglang"] as const;
const names: [ParserProcessor, string, string][] = processors.flatMap((processor) => {
  const reasoning = reasoningParserNames(processor);
  return toolCallParserNames(processor).map((name, index): [ParserProcessor, string, string] => {
    // Its own reasoning parser where it has one, else each in turn.
    const own = reasoning.includes(name) ? name : reasoning[index % reasoning.length]!;
    return [processor, name, own];
  });
});
const texts = [...readFixtures("tool-call"), ...readFixtures("reasoning")].flatMap((file) =>
  file.cases.map(({ text }) => ({ parser: file.parser, text })),
);

/** Texts of fixtures torn to pieces and shaken. */
function tornTexts(name: string): fc.Arbitrary<string[]> {
  const own = texts.filter(({ parser }) => parser === name);
  const torn = fc
    .tuple(fc.constantFrom(...(own.length > 0 ? own : texts)), fc.nat(), fc.nat())
    .map(([{ text }, from, length]) => {
      const begin = from % (text.length + 1);
      return text.slice(begin, begin + (length % 30) + 1);
    });
  const piece = fc.oneof(
    torn,
    torn,
    fc.string({ maxLength: 6 }),
    fc.constantFrom("\n", " ", "<", "{", "}", '"'),
  );
  return fc.array(piece, { maxLength: 14 });
}

function checkRules(events: readonly ParserEvent[]): void {
  let open: number | null = null;
  let count = 0;
  let json = "";
  for (const event of events) {
    switch (event.type) {
      case "tool-call-start":
        expect([open, event.index]).toEqual([null, count]);
        expect(event.name).not.toBe("");
        open = event.index;
        count++;
        json = "";
        break;
      case "tool-call-arguments":
        expect(event.index).toBe(open);
        json += event.delta;
        break;
      case "tool-call-end":
      case "tool-call-cut":
        expect(event.index).toBe(open);
        if (event.type === "tool-call-end") expect(() => JSON.parse(json)).not.toThrow();
        open = null;
        break;
      default:
        expect(open).toBeNull();
        expect(event.text).not.toBe("");
    }
  }
  expect(open).toBeNull();
}

describe.each(names)("%s %s with %s", (processor, tool, reasoning) => {
  const ids = ({ index }: { index: number }) => `call-${index}`;
  const options = {
    processor,
    reasoning: { name: reasoning },
    toolCalls: { name: tool, tools: readFixtures("tool-call")[0]!.tools, idGenerator: ids },
  };

  it("survives torn markup, and says the same however it is cut", () => {
    fc.assert(
      fc.property(tornTexts(resolveParserName("tool-call", tool, processor).name), (pieces) => {
        const whole = joinEvents(parsePieces(options, [pieces.join("")]));
        checkRules(whole);
        const cut = parsePieces(options, pieces);
        checkRules(cut);
        expect(joinEvents(cut)).toEqual(whole);
        expect(joinEvents(parsePieces(options, pieces.join("")))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it("gives text without markers back unchanged", () => {
    const word = fc.constantFrom(..."abcdefghijklmnop .,;:!?-_()0123456789äö日本\n\t'\"".split(""));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (units) => {
        const text = units.join("");
        let said = "";
        for (const event of parsePieces(options, [text])) {
          if (event.type === "content" || event.type === "reasoning") said += event.text;
        }
        const prefix = reasoning.endsWith("append_think") || reasoning.endsWith("append-think");
        expect(said).toBe(prefix && text !== "" ? `<think>${text}` : text);
      }),
      { numRuns: 20 },
    );
  });
});

it("loses no text that is part of no call, and leaks no marker of a complete one", () => {
  const files = readFixtures("tool-call").filter(({ cases }) =>
    cases.some(({ name }) => name === "text that begins like a marker"),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(fc.oneof(fc.constantFrom("one", "two"), fc.string({ maxLength: 8 })), {
        maxLength: 8,
      }),
      (file, parts) => {
        const call = file.cases.find(({ name }) => name === "one call")!.text;
        let expected = "";
        let text = "";
        let calls = 0;
        for (const part of parts) {
          if (part === "one" || part === "two") {
            text += call;
            calls++;
          } else {
            // Letters only: text between two calls that could belong to neither.
            const plain = `.${part.replaceAll(/[^a-z]/gi, "")}.`;
            text += plain;
            expected += plain;
          }
        }
        const events = parsePieces(optionsOf(file, file.cases[0]!), text);
        const content = events
          .map((event) => (event.type === "content" ? event.text : ""))
          .join("");
        expect(content).toBe(expected);
        expect(events.filter(({ type }) => type === "tool-call-end")).toHaveLength(calls);
      },
    ),
    { numRuns: 400 },
  );
});

it("passes everything on when nothing is to be parsed", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (pieces) => {
      const parser = createOutputParser({});
      const events = pieces.flatMap((piece) => parser.push(piece));
      expect(parser.finish()).toEqual([]);
      expect(events.map((event) => ("text" in event ? event.text : "")).join("")).toBe(
        pieces.join(""),
      );
    }),
  );
});

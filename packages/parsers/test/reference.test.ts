// Real Dynamo 1.6.1 as the judge: what its frontend answered to the text of every fixture that it can be asked, the
// text coming from the worker as one item. Where we differ there is a reason, and it is one of these.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  actualOf,
  type FixtureFile,
  optionsOf,
  parsePieces,
  readFixtures,
} from "./fixture-cases.ts";

interface Answer {
  readonly content?: string;
  readonly reasoning?: string;
  readonly calls?: readonly (readonly [name: string, json: string])[];
}

const recorded: Record<string, Record<string, Answer>> = JSON.parse(
  readFileSync(new URL("./fixtures/reference/dynamo-1.6.1.json", import.meta.url), "utf8"),
);

/** Its faults that we do not copy, by the fixture cases that show them; `parsers`: only for these. */
const reasons: readonly {
  why: string;
  cases: readonly string[] | "all";
  kind?: FixtureFile["kind"];
  parsers?: readonly string[];
}[] = [
  { why: "it parses nothing by these names", cases: "all", parsers: ["qwen3", "deepseek_v41"] },
  { why: "line breaks between its tags lose the arguments", cases: "all", parsers: ["glm47"] },
  {
    why: "reasoning is off until a request turns it on",
    cases: "all",
    kind: "reasoning",
    parsers: ["mistral", "gemma4"],
  },
  {
    why: "a cut call is completed by guess, or vanishes",
    cases: [
      "the text ends inside the arguments",
      "the text ends inside the name",
      "a parameter that is not closed",
    ],
  },
  {
    why: "a broken call vanishes",
    cases: [
      "what looks like a call and is none is content",
      "a call behind a broken one",
      "a name alone is none",
      "a broken call that had begun is content again",
      "an expression is no call",
      "the word alone",
    ],
  },
  {
    why: "only strict JSON is read, or anything at all",
    cases: [
      "raw control characters and a trailing comma",
      "single quotes and Python literals",
      "arguments that are no JSON are content",
    ],
  },
  {
    why: "reasoning is split without regard to calls, calls without regard to strings",
    cases: ["think tags within arguments are arguments", "markers within a string are text"],
  },
  {
    why: "text or calls behind a call are lost, or the blanks between them are content",
    cases: [
      "text behind a call is kept",
      "two blocks with a line break between",
      "blanks behind the last call are dropped",
    ],
  },
  {
    why: "integers beyond 64 bits become strings or vanish",
    cases: ["an integer beyond 2^53 keeps its digits"],
    parsers: ["minimax_m2", "qwen3_coder"],
  },
  {
    why: "negative numbers vanish, and literals beyond the plainest are not read",
    cases: ["typed and nested values", "every literal", "triple quotes"],
    parsers: ["pythonic"],
  },
  {
    why: "integers beyond 64 bits, exponents and plain words drop their key",
    cases: ["an integer beyond 2^53 keeps its digits", "words that are no literal are strings"],
    parsers: ["gemma4"],
  },
  {
    why: "the forms with the name first are swallowed",
    cases: ["version 11: the name first", "version 13: name, ARGS", "name, CALL_ID, ARGS"],
    parsers: ["mistral"],
  },
  {
    why: "bare JSON is looked for anywhere in one item, and a name is enough",
    cases: ["bare JSON that is an answer", "JSON later in the answer is text"],
  },
  {
    why: "a body of JSON and a missing fence: version 2 alone reads them",
    cases: ["a body of JSON", "a call without its fence"],
  },
  {
    why: "undeclared lists stay objects with an item",
    cases: ["entities and nested undeclared values"],
  },
  {
    why: "an answer without markers is lost",
    cases: ["no marker at all: content", "text without framing is content"],
  },
  {
    why: "framing of text stays or takes the text along",
    cases: ["text before a call", "no call"],
    parsers: ["inkling"],
  },
  {
    why: "what may become a marker is lost at the end",
    cases: ["the beginning of a marker at the end"],
  },
  {
    why: "its tags: the first repeated opener is dropped",
    cases: ["an opening tag within reasoning is text", "an opening tag after some text is text"],
    parsers: ["nemotron3"],
  },
  {
    why: "text before the first block is reasoning",
    cases: ["text before the block is content", "two blocks are joined"],
    parsers: ["granite"],
  },
  {
    why: "a closing tag alone means that it began inside, in one item only",
    cases: ["a stray closing tag vanishes"],
    parsers: ["kimi_k3"],
  },
];

describe.each(
  [...readFixtures("tool-call"), ...readFixtures("reasoning")].filter(
    ({ processor }) => processor === "dynamo",
  ),
)("$kind $parser", (file) => {
  const folder = file.kind === "reasoning" ? "reasoning" : "tool-calls";
  const answers = recorded[`${folder}/${file.parser}.json`] ?? {};
  const known = file.cases.filter(({ name }) => name in answers);

  it.skipIf(known.length === 0)("answers as Dynamo does, or for a reason otherwise", () => {
    const unexplained = known.filter((one) => {
      const actual = actualOf(one, parsePieces(optionsOf(file, one), [one.text]));
      const answer = answers[one.name]!;
      const isSame =
        actual.content === (answer.content ?? "") &&
        actual.reasoning === (answer.reasoning ?? "") &&
        isSameCalls(actual.calls, answer.calls ?? []);
      return !isSame && !hasReason(file, one.name);
    });
    expect(unexplained.map(({ name }) => name)).toEqual([]);
  });
});

function hasReason({ parser, kind: ofKind }: FixtureFile, name: string): boolean {
  return reasons.some(
    ({ cases, parsers, kind }) =>
      (kind === undefined || kind === ofKind) &&
      (cases === "all" || cases.includes(name)) &&
      (parsers === undefined || parsers.includes(parser)),
  );
}

/** Names, and arguments as values: blanks in JSON are no difference. */
function isSameCalls(
  calls: readonly { name: string; arguments: string }[],
  answer: readonly (readonly [string, string])[],
): boolean {
  const value = (json: string): unknown => {
    try {
      return JSON.parse(json);
    } catch {
      return { cut: json };
    }
  };
  const ours = calls.map((call) => [call.name, value(call.arguments)]);
  return JSON.stringify(ours) === JSON.stringify(answer.map(([name, json]) => [name, value(json)]));
}

// Work is counted, not timed: units looked at per unit of text.
import { createOutputParser } from "@dyn/parsers";
import { describe, expect, it } from "vitest";
import { optionsOf, readFixtures } from "./fixture-cases.ts";

const size = 1 << 18;

/** Pushes `head`, then `filler` many times, in pieces; the units looked at per unit pushed. */
function workOf(
  options: Parameters<typeof createOutputParser>[0],
  head: string,
  filler: string,
  pieceLength: number,
) {
  const text =
    head + filler.repeat(Math.ceil((pieceLength === 1 ? size / 32 : size) / filler.length));
  const parser = createOutputParser(options);
  for (let at = 0; at < text.length; at += pieceLength)
    parser.push(text.slice(at, at + pieceLength));
  parser.finish();
  return parser.scannedLength / text.length;
}

describe.each(readFixtures("tool-call"))("$parser", (file) => {
  const cut = file.cases.find(({ name }) => name === "the text ends inside the arguments");
  const options = optionsOf(file, file.cases[0]!);

  it.each([
    ["letters", "x"],
    ["blanks", " "],
    ["line breaks", "\n"],
    ["what begins like a marker", file.cases[0]!.text.slice(0, 9)],
    ["quotes and backslashes", "\\'&"],
    ["opening brackets", "[{("],
  ])("looks at %s in an open call a few times at most", (_, filler) => {
    expect(workOf(options, cut?.text ?? "", filler, 64)).toBeLessThan(3);
    expect(workOf(options, cut?.text ?? "", filler, 1)).toBeLessThan(24);
  });

  it("looks at begun calls a few times at most", () => {
    expect(workOf(options, "", cut?.text ?? "", 64)).toBeLessThan(3);
    expect(workOf(options, "", cut?.text ?? "", size)).toBeLessThan(3);
  });
});

it.each(readFixtures("reasoning"))(
  "$parser looks at open reasoning a few times at most",
  (file) => {
    const options = optionsOf(file, { name: "", text: "", content: "" });
    const head = file.cases[0]!.text.split("Hm.")[0] ?? "";
    for (const filler of ["x", "<", "[", " \n"]) {
      expect(workOf(options, head, filler, 64)).toBeLessThan(3);
      expect(workOf(options, head, filler, 1)).toBeLessThan(24);
    }
  },
);

it("looks at a call of 1 MB that never ends a few times at most, in pieces of a token's length", () => {
  const parser = createOutputParser({ toolCalls: { name: "hermes", tools: [] } });
  parser.push('<tool_call>{"name": "f", "arguments": {"text": "');
  for (let at = 0; at < 1 << 20; at += 4) parser.push("abc<");
  parser.finish();
  expect(parser.scannedLength).toBeLessThan(3 * (1 << 20));
});

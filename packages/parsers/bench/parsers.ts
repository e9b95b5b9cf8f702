// Characters a second of each family, in pieces of a token's length and whole.
// node --conditions=@dyn/source --import tsx packages/parsers/bench/parsers.ts
import { createOutputParser } from "@dyn/parsers";
import { resolveParserName } from "../src/registry/resolve-parser-name.ts";
import { optionsOf, readFixtures } from "../test/fixture-cases.ts";

const pieceLength = 4;
const prose = "The weather in Paris is mild today, with a little wind from the west. ".repeat(20);
const code = "for (const item of list) {\n  total += item.price * 1.2; // with tax\n}\n".repeat(20);

/** A round: prose, a call, prose, a call with a long string. */
function textOf(file: ReturnType<typeof readFixtures>[number]): string {
  const call = file.cases.find(({ name }) => name === "typed and nested values")!.text;
  const long = file.cases.find(({ name }) => name === "one call")!.text;
  const framed = file.cases.find(({ name }) => name === "no call")?.text;
  const said = framed ? framed.replace("Just an answer.", prose) : prose;
  // A line break in a Python string is an escape, in JSON too; others write it as it is.
  const escapes =
    file.parser === "pythonic" ||
    /"(arguments|parameters|args)": \{/.test(long) ||
    long.includes('{"city"');
  const body = escapes ? code.replaceAll("\n", "\\n") : code;
  return (said + call + said + long.replace("Paris", body)).repeat(10);
}

/** Best of 5 rounds, million characters a second. */
function rate(run: () => void, length: number): string {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    run();
    best = Math.min(best, performance.now() - begin);
  }
  return (length / best / 1000).toFixed(1);
}

const seen = new Set<string>();
console.log(
  `| parser | family | pieces of ${pieceLength}, M characters/s | whole, M characters/s | calls |`,
);
console.log("|---|---|---|---|---|");
for (const file of readFixtures("tool-call")) {
  const { family } = resolveParserName("tool-call", file.parser, file.processor);
  if (file.processor !== "dynamo" || seen.has(family)) continue;
  seen.add(family);
  const text = textOf(file);
  const options = optionsOf(file, file.cases[0]!);
  let calls = 0;
  const parse = (length: number) => {
    calls = 0;
    const parser = createOutputParser(options);
    for (let at = 0; at < text.length; at += length) {
      for (const event of parser.push(text.slice(at, at + length))) {
        if (event.type === "tool-call-end") calls++;
      }
    }
    parser.finish();
  };
  const pieces = rate(() => parse(pieceLength), text.length);
  const whole = rate(() => parse(text.length), text.length);
  console.log(`| ${file.parser} | ${family} | ${pieces} | ${whole} | ${calls} |`);
}
for (const [name, open, close] of [
  ["basic", "<think>", "</think>"],
  ["gpt_oss", "<|channel|>analysis<|message|>", "<|end|>"],
] as const) {
  const text = (
    open +
    prose +
    close +
    (name === "basic"
      ? prose
      : `<|start|>assistant<|channel|>final<|message|>${prose}<|end|><|start|>assistant`)
  ).repeat(20);
  const parse = (length: number) => {
    const parser = createOutputParser({ reasoning: { name } });
    for (let at = 0; at < text.length; at += length) parser.push(text.slice(at, at + length));
    parser.finish();
  };
  console.log(
    `| ${name} (reasoning) | | ${rate(() => parse(pieceLength), text.length)} | ${rate(() => parse(text.length), text.length)} | 0 |`,
  );
}

import { beforeAll, describe, expect, it } from "vitest";
import { loadVocabulary, type TestVocabulary } from "./walk/compile-here.ts";
import { seededRandom, walk } from "./walk/random-walk.ts";

let vocabulary: TestVocabulary;
beforeAll(async () => {
  vocabulary = await loadVocabulary();
});

/** Whether the text is taken and may end there. */
function takes(tag: unknown, text: string): boolean {
  const matcher = vocabulary
    .compile({ kind: "structural_tag", tag })
    .createMatcher({ endTokenIds: [] });
  return (
    [...vocabulary.tokenizer.encode(text)].every((id) => matcher.accept(id)) && matcher.canEnd()
  );
}

const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const call = {
  type: "tag",
  begin: "<tool>get(",
  content: { type: "json_schema", json_schema: city },
  end: ")</tool>",
};

describe("triggered tags", () => {
  const free = { type: "triggered_tags", triggers: ["<tool>"], tags: [call] };

  it("leave text free until a trigger, then follow its tag", () => {
    const tag = { type: "structural_tag", format: free };
    expect(takes(tag, "just text < with > signs")).toBe(true);
    expect(takes(tag, 'Hm. <tool>get({"city":"Rome"})</tool> Done.')).toBe(true);
    expect(takes(tag, 'x<tool>get({"city":"a"})</tool><tool>get({"city":"b"})</tool>')).toBe(true);
    expect(takes(tag, "Hm. <tool>get({})</tool>")).toBe(false);
    expect(takes(tag, "Hm. <tool>put(")).toBe(false);
    expect(takes(tag, 'Hm. <tool>get({"city":"Rome"}')).toBe(false);
  });

  it("at least one: begin with a tag; stop after first: end with it", () => {
    const one = { ...free, at_least_one: true, stop_after_first: true };
    expect(takes({ format: one }, '<tool>get({"city":"Rome"})</tool>')).toBe(true);
    expect(takes({ format: one }, "text")).toBe(false);
    expect(takes({ format: one }, '<tool>get({"city":"Rome"})</tool> more')).toBe(false);
  });

  it("may be written in the older form, schema as text", () => {
    const tag = {
      structures: [{ begin: "<f=a>", schema: JSON.stringify(city), end: "</f>" }],
      triggers: ["<f="],
    };
    expect(takes(JSON.stringify(tag), 'so: <f=a>{"city":"x"}</f>')).toBe(true);
    expect(takes(tag, "so: <f=b>")).toBe(false);
  });
});

describe("other formats", () => {
  it("compose", () => {
    const think = { type: "tag", begin: "<think>", content: { type: "any_text" }, end: "</think>" };
    const elements = [
      think,
      { type: "or", elements: [call, { type: "const_string", value: "none" }] },
    ];
    const tag = { format: { type: "sequence", elements } };
    expect(takes(tag, '<think>a </thin b</think><tool>get({"city":"q"})</tool>')).toBe(true);
    expect(takes(tag, "<think></think>none")).toBe(true);
    expect(takes(tag, "<think>none")).toBe(false);
  });

  it("tags with a separator", () => {
    const tags = [
      { type: "tag", begin: "[", content: { type: "regex", pattern: "[0-9]+" }, end: "]" },
      { type: "tag", begin: "(", content: { type: "grammar", grammar: 'root ::= "a"+' }, end: ")" },
    ];
    const format = { type: "tags_with_separator", tags, separator: ", " };
    expect(takes({ format }, "")).toBe(true);
    expect(takes({ format }, "[12], (aaa), [3]")).toBe(true);
    expect(takes({ format: { ...format, at_least_one: true } }, "")).toBe(false);
    expect(takes({ format }, "[12](a)")).toBe(false);
  });

  it("random walks end where the tag does", () => {
    const grammar = vocabulary.compile({ kind: "structural_tag", tag: { format: call } });
    for (let seed = 1; seed <= 10; seed++) {
      const { tokenizer, endTokenId } = vocabulary;
      const { text } = walk(grammar, tokenizer, {
        endTokenId,
        random: seededRandom(seed),
        freeTokens: seed,
      });
      const found = /^<tool>get\((.*)\)<\/tool>$/su.exec(text);
      expect(typeof JSON.parse(found![1]!).city).toBe("string");
    }
  });
});

it.each([
  [{ format: { type: "qwen_xml_parameter" } }, "qwen_xml_parameter"],
  [{ format: { type: "const_string" } }, "format.value"],
  [{ format: { type: "triggered_tags", triggers: ["<a"], tags: [call] } }, "beginning of a tag"],
  [{ format: { type: "sequence", elements: [{ type: "any_text" }, call] } }, "last element"],
  ["{", "not JSON"],
  [7, "not an object"],
])("%j is refused: %s", (tag, part) => {
  expect(() => vocabulary.compile({ kind: "structural_tag", tag })).toThrow(part);
});

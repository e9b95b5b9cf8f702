import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { jsonSpec, loadVocabulary, regexSpec, type TestVocabulary } from "./walk/compile-here.ts";
import { allowedTokens, seededRandom, walk } from "./walk/random-walk.ts";

let vocabulary: TestVocabulary;
let words: number;
beforeAll(async () => {
  vocabulary = await loadVocabulary();
  words = Math.ceil(vocabulary.tokenizer.vocabSize / 32);
});

const schema = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 12 },
    tags: { type: "array", items: { type: "string" } },
    more: { type: "object" },
  },
  required: ["name", "tags", "more"],
};

describe("mask and accept", () => {
  it("agree on every token of the vocabulary, at every step", () => {
    const { tokenizer, endTokenId } = vocabulary;
    for (const spec of [
      jsonSpec(schema),
      regexSpec("[a-z ]{0,9}x"),
      regexSpec(".{2,30}(y|\\n)+"),
    ]) {
      const { tokens } = walk(vocabulary.compile(spec), tokenizer, {
        endTokenId,
        random: seededRandom(7),
        freeTokens: 12,
      });
      // A second machine that has learnt nothing: each answer is computed by itself.
      const matcher = vocabulary.compile(spec).createMatcher({ endTokenIds: [endTokenId] });
      const mask = new Int32Array(words);
      for (const token of tokens.slice(0, 20)) {
        matcher.fillMask(mask);
        const allowed = new Set(allowedTokens(mask));
        for (let id = 0; id < tokenizer.vocabSize; id++) {
          const isTaken = matcher.accept(id);
          if (isTaken) matcher.rollback(1);
          if (isTaken !== allowed.has(id)) throw new Error(`token ${id}: mask and accept differ`);
        }
        expect(matcher.accept(token)).toBe(true);
      }
    }
  });

  it("allow an end token exactly where the text may end, and special tokens never", () => {
    const { tokenizer, endTokenId } = vocabulary;
    const matcher = vocabulary
      .compile(regexSpec("a+"))
      .createMatcher({ endTokenIds: [endTokenId] });
    const mask = new Int32Array(words);
    const special = (ids: number[]) => ids.filter((id) => tokenizer.isSpecial(id));
    matcher.fillMask(mask);
    expect(special(allowedTokens(mask))).toEqual([]);
    expect(matcher.accept(endTokenId)).toBe(false);
    matcher.accept(tokenizer.tokenToId("a")!);
    matcher.fillMask(mask);
    expect(special(allowedTokens(mask))).toEqual([endTokenId]);
    expect(matcher.accept(endTokenId)).toBe(true);
    expect(matcher.isTerminated()).toBe(true);
    matcher.fillMask(mask);
    expect(allowedTokens(mask)).toEqual([]);
  });

  it("a text that can only end is terminated without an end token", () => {
    const matcher = vocabulary.compile(regexSpec("ab?")).createMatcher({ endTokenIds: [] });
    expect(matcher.accept(vocabulary.tokenizer.tokenToId("a")!)).toBe(true);
    expect([matcher.canEnd(), matcher.isTerminated()]).toEqual([true, false]);
    expect(matcher.accept(vocabulary.tokenizer.tokenToId("b")!)).toBe(true);
    expect([matcher.canEnd(), matcher.isTerminated()]).toEqual([true, true]);
  });

  it("a stop token of the user's is text inside and an end where the text may end", () => {
    const { tokenizer } = vocabulary;
    const [a, dot] = [tokenizer.tokenToId("a")!, tokenizer.tokenToId(".")!];
    const matcher = vocabulary
      .compile(regexSpec("a\\.?a"))
      .createMatcher({ endTokenIds: [], stopTokenIds: [dot] });
    expect([matcher.accept(a), matcher.accept(dot), matcher.accept(a)]).toEqual([true, true, true]);
    expect(matcher.isTerminated()).toBe(true);
  });
});

describe("rollback", () => {
  it("leads back to the same masks", () => {
    const { tokenizer, endTokenId } = vocabulary;
    const grammar = vocabulary.compile(jsonSpec(schema));
    const { tokens } = walk(grammar, tokenizer, {
      endTokenId,
      random: seededRandom(3),
      freeTokens: 30,
    });
    fc.assert(
      fc.property(fc.nat(tokens.length), fc.nat(tokens.length), (to, back) => {
        const count = Math.min(to, back);
        const matcher = grammar.createMatcher({ endTokenIds: [endTokenId] });
        for (const token of tokens.slice(0, to)) matcher.accept(token);
        matcher.rollback(count);
        const fresh = grammar.createMatcher({ endTokenIds: [endTokenId] });
        for (const token of tokens.slice(0, to - count)) fresh.accept(token);
        const masks = [new Int32Array(words), new Int32Array(words)];
        matcher.fillMask(masks[0]!);
        fresh.fillMask(masks[1]!);
        expect(masks[0]).toEqual(masks[1]);
      }),
      { numRuns: 50 },
    );
    expect(() => grammar.createMatcher({ endTokenIds: [] }).rollback(1)).toThrow(RangeError);
  });
});

describe("saved state", () => {
  it("goes on in another process where it stood", () => {
    const { tokenizer, endTokenId } = vocabulary;
    const grammar = vocabulary.compile(jsonSpec(schema));
    const { tokens } = walk(grammar, tokenizer, {
      endTokenId,
      random: seededRandom(5),
      freeTokens: 20,
    });
    const matcher = grammar.createMatcher({ endTokenIds: [endTokenId] });
    for (const token of tokens.slice(0, 15)) matcher.accept(token);
    const mask = new Int32Array(words);
    matcher.fillMask(mask);
    const helper = new URL("./walk/restore-elsewhere.ts", import.meta.url);
    const answer = execFileSync(
      process.execPath,
      ["--conditions=@dyn/source", "--import", "tsx", helper.pathname],
      { input: JSON.stringify({ schema, state: matcher.save(), endTokenId }), encoding: "utf8" },
    );
    expect(JSON.parse(answer)).toEqual(allowedTokens(mask));
  });

  it("is refused by another grammar, and when it is none", () => {
    const matcher = vocabulary.compile(regexSpec("a+")).createMatcher({ endTokenIds: [] });
    matcher.accept(vocabulary.tokenizer.tokenToId("a")!);
    const other = vocabulary.compile(regexSpec("b"));
    expect(() => other.restoreMatcher(matcher.save(), { endTokenIds: [] })).toThrow("step 0");
    expect(() => other.restoreMatcher("text", { endTokenIds: [] })).toThrow("save()");
  });
});

describe("a machine that forgets", () => {
  it("gives the same masks", () => {
    const { tokenizer, endTokenId } = vocabulary;
    const spec = jsonSpec(schema);
    const remembering = vocabulary.compile(spec);
    const forgetful = vocabulary.compile(spec, 20_000);
    const { tokens } = walk(remembering, tokenizer, {
      endTokenId,
      random: seededRandom(11),
      freeTokens: 60,
    });
    const a = remembering.createMatcher({ endTokenIds: [endTokenId] });
    const b = forgetful.createMatcher({ endTokenIds: [endTokenId] });
    const masks = [new Int32Array(words), new Int32Array(words)];
    for (const token of tokens) {
      a.fillMask(masks[0]!);
      b.fillMask(masks[1]!);
      expect(masks[1]).toEqual(masks[0]);
      expect([a.accept(token), b.accept(token)]).toEqual([true, true]);
    }
    b.rollback(tokens.length - 1);
    a.rollback(tokens.length - 1);
    a.fillMask(masks[0]!);
    b.fillMask(masks[1]!);
    expect(masks[1]).toEqual(masks[0]);
  });
});

describe("what must come next", () => {
  it("is told up to the next choice", () => {
    const object = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const spec = jsonSpec({ ...object, additionalProperties: false }, "");
    const matcher = vocabulary.compile(spec).createMatcher({ endTokenIds: [] });
    expect(Buffer.from(matcher.jumpForward()).toString()).toBe('{"city":"');
  });
});

describe("a grammar after reasoning", () => {
  it("begins behind the marker; before it anything but the end may come", () => {
    const { tokenizer, endTokenId } = vocabulary;
    const options = { endTokenIds: [endTokenId], startsAfter: "</think>" };
    const matcher = vocabulary.compile(jsonSpec({ enum: ["x"] })).createMatcher(options);
    const mask = new Int32Array(words);
    const text = 'Let me think. {"a" </thin </think>';
    for (const id of tokenizer.encode(text)) {
      matcher.fillMask(mask);
      expect(allowedTokens(mask)).not.toContain(endTokenId);
      expect(allowedTokens(mask)).toContain(id);
      expect(matcher.accept(id)).toBe(true);
      expect(matcher.isTerminated()).toBe(false);
    }
    for (const id of tokenizer.encode('"x"')) {
      matcher.fillMask(mask);
      expect(allowedTokens(mask)).toContain(id);
      expect(matcher.accept(id)).toBe(true);
    }
    expect(matcher.isTerminated()).toBe(true);
  });

  it("mask and accept agree on tokens that hold the marker's end and more", () => {
    const { tokenizer } = vocabulary;
    const options = { endTokenIds: [], startsAfter: "e" };
    const grammar = vocabulary.compile(regexSpec("r[a-z]*"));
    const matcher = grammar.createMatcher(options);
    const mask = new Int32Array(words);
    matcher.fillMask(mask);
    const allowed = new Set(allowedTokens(mask));
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const isTaken = matcher.accept(id);
      if (isTaken) matcher.rollback(1);
      expect(isTaken, String(id)).toBe(allowed.has(id));
    }
  });
});

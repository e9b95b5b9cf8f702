import type { EngineOutputItem } from "@dyn/protocol";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ChoiceAssembler } from "../src/postprocess/choice-assembler.ts";
import type { ChoiceDelta, ChoiceTransformer } from "../src/postprocess/choice-delta.ts";
import type { StopRules } from "../src/postprocess/stop-rules.ts";

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
});

const eos = 4089;
const noStops: StopRules = {
  strings: [],
  tokenIds: [],
  eosTokenIds: [eos],
  minTokens: 0,
  includeStopString: false,
};

function assembler(stop: Partial<StopRules> = {}, transformers: ChoiceTransformer[] = []) {
  return new ChoiceAssembler({
    index: 0,
    decoder: tokenizer.createDecoder(),
    stop: { ...noStops, ...stop },
    wantsLogprobs: true,
    transformers,
  });
}

/** Ids with a made-up log-probability each, so that a mix-up shows. */
function item(ids: readonly number[], from = 0, fields: Partial<EngineOutputItem> = {}) {
  return {
    token_ids: [...ids],
    log_probs: ids.map((_, i) => -(from + i)),
    top_logprobs: ids.map(() => []),
    ...fields,
  };
}

function fold(deltas: readonly (ChoiceDelta | null)[]) {
  const shown = deltas.filter((delta) => delta !== null);
  return {
    text: shown.map(({ text }) => text).join(""),
    tokens: shown.flatMap(({ tokens }) =>
      (tokens ?? []).map(({ tokenId, logprob, textOffset }) => ({ tokenId, logprob, textOffset })),
    ),
    finishReason: shown.at(-1)?.finishReason ?? null,
    stopReason: shown.at(-1)?.stopReason ?? null,
  };
}

describe("ChoiceAssembler", () => {
  it("shows the same however the engine cuts its items", () => {
    const id = fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: 0, max: 4086 }) },
      { weight: 1, arbitrary: fc.constant(eos) },
    );
    const rules = fc.record({
      strings: fc.uniqueArray(fc.constantFrom("e", "th", " a", "ing", "o w", "\n"), {
        maxLength: 3,
      }),
      tokenIds: fc.uniqueArray(fc.integer({ min: 0, max: 4086 }), { maxLength: 100 }),
      minTokens: fc.integer({ min: 0, max: 10 }),
      includeStopString: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(id, { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 40, maxLength: 40 }),
        rules,
        (ids, sizes, stop) => {
          const single = assembler(stop);
          const one = ids.map((tokenId, i) =>
            single.push(
              item([tokenId], i, i === ids.length - 1 ? { finish_reason: "length" } : {}),
            ),
          );
          const many = assembler(stop);
          const deltas: (ChoiceDelta | null)[] = [];
          for (let at = 0, k = 0; at < ids.length; at += sizes[k++]!) {
            const part = ids.slice(at, at + sizes[k]!);
            const isLast = at + sizes[k]! >= ids.length;
            deltas.push(many.push(item(part, at, isLast ? { finish_reason: "length" } : {})));
          }
          expect(fold(deltas)).toEqual(fold(one));
          expect(many.tokenCount).toBe(single.tokenCount);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("never shows a part of a stop string, and counts the tokens that made it", () => {
    const text = "hello wonderful world";
    const ids = Array.from(tokenizer.encode(text));
    const choice = assembler({ strings: ["wonderful"] });
    const deltas = ids.map((id, i) => choice.push(item([id], i)));
    const whole = fold(deltas);
    expect(whole.text).toBe("hello ");
    expect(whole).toMatchObject({ finishReason: "stop", stopReason: "wonderful" });
    expect(choice.endedHere).toBe(true);
    expect(choice.tokenCount).toBeLessThan(ids.length);
    expect(choice.tokenCount).toBeGreaterThan(1);
    // The last token shown is the one whose text begins before the stop string.
    const last = whole.tokens.at(-1)!;
    expect(last.textOffset).toBeLessThan("hello ".length);
    expect(last.textOffset + tokenizer.decode([last.tokenId]).length).toBeGreaterThanOrEqual(6);
  });

  it("shows what was held back when no stop string came of it", () => {
    const ids = tokenizer.encode("he said wonder");
    const choice = assembler({ strings: ["wonderful"] });
    const deltas = Array.from(ids, (id) => choice.push(item([id])));
    expect(fold(deltas).text).not.toContain("wonder");
    deltas.push(choice.push(item([], 0, { finish_reason: "length" })));
    expect(fold(deltas)).toMatchObject({ text: "he said wonder", finishReason: "length" });
  });

  it("hides the end-of-sequence token but counts it", () => {
    const ids = Array.from(tokenizer.encode("done"));
    const choice = assembler();
    const whole = fold([choice.push(item([...ids, eos], 0, { finish_reason: "stop" }))]);
    expect(whole).toMatchObject({ text: "done", finishReason: "stop", stopReason: null });
    expect(whole.tokens).toHaveLength(ids.length);
    expect(choice.tokenCount).toBe(ids.length + 1);
    expect(choice.endedHere).toBe(false);
  });

  it("ends at a stop id that the engine let pass, and names it", () => {
    const ids = Array.from(tokenizer.encode("one two three"));
    const choice = assembler({ tokenIds: [ids[1]!] });
    const whole = fold([choice.push(item(ids))]);
    expect(whole.text).toBe(tokenizer.decode([ids[0]!]));
    expect(whole).toMatchObject({ finishReason: "stop", stopReason: ids[1] });
    expect(choice.endedHere).toBe(true);
  });

  it("heeds no stop before min_tokens", () => {
    const ids = Array.from(tokenizer.encode("a b a b a b"));
    const choice = assembler({ strings: ["b"], minTokens: ids.length });
    const whole = fold([choice.push(item(ids, 0, { finish_reason: "length" }))]);
    expect(whole).toMatchObject({ text: "a b a b a b", finishReason: "length", stopReason: null });
  });

  it("gives half a character's token with the character, and offsets in code points", () => {
    const ids = Array.from(tokenizer.encode("é🙂x"));
    expect(ids.length).toBeGreaterThan(3);
    const choice = assembler();
    const deltas = ids.map((id) => choice.push(item([id])));
    for (const delta of deltas) expect(delta?.text ?? "").not.toContain("\ufffd");
    deltas.push(choice.push(item([], 0, { finish_reason: "length" })));
    const whole = fold(deltas);
    expect(whole.text).toBe("é🙂x");
    expect(whole.tokens.map(({ tokenId }) => tokenId)).toEqual(ids);
    expect(whole.tokens.at(-1)!.textOffset).toBe(2);
  });

  it("hands each delta through its transformers in order, the last one too", () => {
    const upper: ChoiceTransformer = {
      transform: (delta) => ({ ...delta, text: delta.text.toUpperCase() }),
    };
    const framed: ChoiceTransformer = {
      transform: (delta) =>
        delta.text === "" && delta.finishReason === null
          ? null
          : { ...delta, text: `[${delta.text}]` },
    };
    const choice = assembler({}, [upper, framed]);
    const deltas = [
      choice.push(item(Array.from(tokenizer.encode("abc")))),
      choice.push(item([], 0, { finish_reason: "stop" })),
    ];
    expect(fold(deltas)).toMatchObject({ text: "[ABC][]", finishReason: "stop" });
  });

  it("ignores what comes after the end", () => {
    const choice = assembler();
    choice.push(item([70], 0, { finish_reason: "length" }));
    expect(choice.push(item([71], 0, { finish_reason: "stop" }))).toBeNull();
    expect(choice.tokenCount).toBe(1);
  });
});

import { InvalidArgumentError } from "@dyn/protocol";
import { describe, expect, it } from "vitest";
import {
  defaultSamplingParams,
  type SamplingParams,
  validateSamplingParams,
} from "../src/index.ts";

const limits = { vocabSize: 100, hasTokenizer: true };

function validate(changes: Partial<SamplingParams>, hasTokenizer = true): void {
  validateSamplingParams({ ...defaultSamplingParams, ...changes }, { ...limits, hasTokenizer });
}

describe("sampling parameters", () => {
  it.each<[Partial<SamplingParams>]>([
    [{}],
    [{ maxNewTokens: 0, temperature: 0, topP: 1e-9, topK: -1, minP: 1 }],
    [{ frequencyPenalty: -2, presencePenalty: 2, repetitionPenalty: 2 }],
    [{ topK: 1_000_000, minNewTokens: 5, maxNewTokens: 5, seed: -(2 ** 53 - 1) }],
    [{ logitBias: { 0: -100, 99: 100 }, stopTokenIds: [0, 99] }],
    [{ stop: ["\n"], stopRegex: ["a+b"] }],
  ])("takes %j", (changes) => {
    expect(() => validate(changes)).not.toThrow();
  });

  it.each<[Partial<SamplingParams>, string, string]>([
    [
      { maxNewTokens: -1 },
      "maxNewTokens",
      "sampling.maxNewTokens is -1; it must be an integer >= 0.",
    ],
    [{ maxNewTokens: 1.5 }, "maxNewTokens", "an integer >= 0"],
    [
      { minNewTokens: 9, maxNewTokens: 8 },
      "minNewTokens",
      "is 9; it must be at most maxNewTokens (8)",
    ],
    [{ temperature: -0.1 }, "temperature", "a finite number >= 0"],
    [{ temperature: Number.NaN }, "temperature", "is NaN"],
    [{ temperature: Number.POSITIVE_INFINITY }, "temperature", "is Infinity"],
    [{ topP: 0 }, "topP", "is 0; it must be in (0, 1]"],
    [{ topP: 1.01 }, "topP", "in (0, 1]"],
    [{ topK: 0 }, "topK", "an integer >= 1, or -1 for all"],
    [{ topK: 2.5 }, "topK", "is 2.5"],
    [{ minP: -0.1 }, "minP", "in [0, 1]"],
    [{ frequencyPenalty: 2.1 }, "frequencyPenalty", "in [-2, 2]"],
    [{ presencePenalty: -2.1 }, "presencePenalty", "in [-2, 2]"],
    [{ repetitionPenalty: 0 }, "repetitionPenalty", "in (0, 2]"],
    [{ logitBias: { 100: 1 } }, "logitBias", "is 100; it must be token ids in 0 .. 99"],
    [{ logitBias: { 5: Number.NaN } }, "logitBias[5]", "a finite number"],
    [{ stopTokenIds: [100] }, "stopTokenIds", "token ids in 0 .. 99"],
    [{ stopTokenIds: [-1] }, "stopTokenIds", "is -1"],
    [{ seed: 2 ** 53 }, "seed", "an integer of at most 53 bits, or null"],
    [{ seed: 0.5 }, "seed", "is 0.5"],
    [{ stop: [""] }, "stop", "free of empty strings"],
    [{ stopRegex: ["(a"] }, "stopRegex", 'is "(a"; it must be a JavaScript regular expression'],
  ])("refuses %j", (changes, field, message) => {
    let error: unknown;
    try {
      validate(changes);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ param: `sampling.${field}`, status: 400 });
    expect(String(error)).toContain(message);
  });

  it("refuses stop strings and patterns where nothing can turn tokens into text", () => {
    expect(() => validate({ stop: ["x"] }, false)).toThrow("has no tokenizer; use stopTokenIds");
    expect(() => validate({ stopRegex: ["x"] }, false)).toThrow("sampling.stopRegex");
    expect(() => validate({}, false)).not.toThrow();
  });
});

// Oracle: Hugging Face transformers on the same random weights, recorded by fixtures/record/record.py.
import type { Executor } from "@dyn/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createOnnxExecutor } from "../src/executor/create-onnx-executor.ts";
import { loadRecordedModel, recordedModels } from "./drive/recorded-model.ts";
import { argmax, relativeError, SequenceDriver } from "./drive/sequence-driver.ts";

const tolerance = 1e-5;

const variants = recordedModels.flatMap((name) => [
  { name, attention: "paged" as const },
  { name, attention: "gqa" as const },
  { name, attention: "pages" as const },
]);

describe.each(variants)("$name, $attention", ({ name, attention }) => {
  const model = loadRecordedModel(name);
  const { prompts, logits, vocabSize } = model;
  const longest = prompts.length - 1;
  let executor: Executor;
  let driver: SequenceDriver;

  beforeAll(async () => {
    executor = await createOnnxExecutor({
      modelDirectory: model.directory,
      pageSize: 16,
      attention,
      maxTotalTokens: 1024,
      threadCount: 1,
    });
    driver = new SequenceDriver(executor);
  });
  afterAll(() => executor.close());

  test("logits of a ragged batch agree with transformers", async () => {
    const rows = prompts.map((newTokens) => ({ sequence: driver.create(), newTokens }));
    const actual = await driver.prefill(...rows);
    expect(relativeError(actual, concat(logits))).toBeLessThan(tolerance);
    for (const { sequence } of rows) driver.release(sequence);
  });

  test.each([1, 3, 7, 16, 31])("chunks of %i tokens give the same logits", async (chunk) => {
    const prompt = prompts[longest]!;
    const sequence = driver.create();
    const parts: Float32Array[] = [];
    for (let start = 0; start < prompt.length; start += chunk) {
      const newTokens = prompt.slice(start, start + chunk);
      parts.push(await driver.prefill({ sequence, newTokens }));
    }
    expect(relativeError(concat(parts), logits[longest]!)).toBeLessThan(tolerance);
    driver.release(sequence);
  });

  test("chunks of several rows with pasts of different lengths run together", async () => {
    const chosen = [2, 3, 4];
    const chunk = 11;
    const sequences = chosen.map(() => driver.create());
    const parts: Float32Array[][] = chosen.map(() => []);
    // Row i starts i chunks late.
    for (let turn = 0; turn < 8; turn++) {
      const rows = chosen.flatMap((prompt, i) => {
        const start = (turn - i) * chunk;
        const newTokens = start < 0 ? [] : prompts[prompt]!.slice(start, start + chunk);
        return newTokens.length > 0 ? [{ i, sequence: sequences[i]!, newTokens }] : [];
      });
      if (rows.length === 0) break;
      const actual = await driver.prefill(...rows);
      let token = 0;
      for (const { i, newTokens } of rows) {
        const end = token + newTokens.length;
        parts[i]!.push(actual.slice(token * vocabSize, end * vocabSize));
        token = end;
      }
    }
    for (const [i, prompt] of chosen.entries()) {
      expect(relativeError(concat(parts[i]!), logits[prompt]!)).toBeLessThan(tolerance);
      driver.release(sequences[i]!);
    }
  });

  test("rows that share prefix pages do not disturb each other", async () => {
    const prompt = prompts[longest]!;
    const first = driver.create();
    await driver.prefill({ sequence: first, newTokens: prompt });
    const shared = 32;
    const sequences = [driver.create(first, shared), driver.create(first, shared)];
    const [same, other] = sequences as [typeof first, typeof first];
    const tail = prompt.slice(shared);
    const actual = await driver.prefill(
      { sequence: same, newTokens: tail },
      { sequence: other, newTokens: prompts[2]! },
    );
    const expected = logits[longest]!.subarray(shared * vocabSize);
    expect(relativeError(actual.slice(0, tail.length * vocabSize), expected)).toBeLessThan(
      tolerance,
    );
    for (const sequence of [first, same, other]) driver.release(sequence);
  });

  test("only the logits asked for are computed", async () => {
    const rows = [3, 2].map((i) => ({ sequence: driver.create(), newTokens: prompts[i]! }));
    const positions = Int32Array.of(4, 32, 49);
    const actual = await driver.step("prefill", rows, positions);
    const row = (prompt: number, token: number) =>
      logits[prompt]!.subarray(token * vocabSize, (token + 1) * vocabSize);
    const expected = concat([row(3, 4), row(3, 32), row(2, 16)]);
    expect(relativeError(actual, expected)).toBeLessThan(tolerance);
    const none = await driver.step(
      "prefill",
      [{ sequence: driver.create(), newTokens: [5, 6] }],
      new Int32Array(),
    );
    expect(none.length).toBe(0);
  });

  test("some of the running sequences decode, and those between them are not disturbed", async () => {
    const sequences = prompts.map(() => driver.create());
    for (const [i, sequence] of sequences.entries()) {
      const newTokens = prompts[i]!.slice(0, -1);
      if (newTokens.length > 0) await driver.prefill({ sequence, newTokens });
    }
    // The first turn leaves out every second sequence, the second takes them.
    for (const turn of [
      [4, 0, 2],
      [3, 1],
    ]) {
      const actual = await driver.decode(
        ...turn.map((i) => ({ sequence: sequences[i]!, newTokens: prompts[i]!.slice(-1) })),
      );
      const expected = concat(turn.map((i) => logits[i]!.slice(-vocabSize)));
      expect(relativeError(actual, expected)).toBeLessThan(tolerance);
    }
    for (const sequence of sequences) driver.release(sequence);
  });

  test("greedy continuations over 128 tokens are identical, in a batch with other rows", async () => {
    const extra = driver.create();
    await driver.prefill({ sequence: extra, newTokens: prompts[longest]! });
    const rows = await Promise.all(
      model.continued.map(async (prompt) => ({ prompt, sequence: driver.create() })),
    );
    let next: number[] = [];
    for (const { prompt, sequence } of rows) {
      const actual = await driver.prefill({ sequence, newTokens: prompts[prompt]! });
      next.push(argmax(actual, prompts[prompt]!.length - 1, vocabSize));
    }
    const produced = next.map((token) => [token]);
    for (let step = 1; step < 128; step++) {
      const actual = await driver.decode(
        ...rows.map(({ sequence }, i) => ({ sequence, newTokens: [next[i]!] })),
        { sequence: extra, newTokens: [step] },
      );
      next = rows.map((_, i) => argmax(actual, i, vocabSize));
      for (const [i, token] of next.entries()) produced[i]!.push(token);
    }
    expect(produced).toEqual(model.continuations);
  });
});

function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

// dyn-tiny-chat through the whole engine. Oracle: answers that transformers gave, recorded beside the model.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModelConfig } from "@dyn/model-files";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createOnnxEngine, type OnnxEngineOptions } from "../src/index.ts";
import { collect, greedyRequest } from "./drive/greedy-request.ts";

interface RecordedAnswer {
  readonly prompt_ids: readonly number[];
  readonly answer_ids: readonly number[];
}

const tinyModels = join(import.meta.dirname, "../../tiny-models");
const modelDirectory = join(tinyModels, "models/dyn-tiny-chat");
const recorded = JSON.parse(
  readFileSync(join(tinyModels, "test/fixtures/eval-prompts.json"), "utf8"),
) as { readonly answer_tokens_at_most: number; readonly cases: readonly RecordedAnswer[] };
const cases = recorded.cases.filter((_, i) => i % 5 === 0);

let cacheDirectory: string;
beforeAll(() => {
  cacheDirectory = mkdtempSync(join(tmpdir(), "dyn-bundled-"));
});
afterAll(() => rmSync(cacheDirectory, { recursive: true, force: true }));

/** How many of the answers come out token by token as recorded; all are asked for at once. */
async function countSameAnswers(options: Partial<OnnxEngineOptions>): Promise<number> {
  const { eosTokenIds } = await loadModelConfig(modelDirectory);
  const engine = await createOnnxEngine({ modelDirectory, cacheDirectory, ...options });
  const answers = await Promise.all(
    cases.map(({ prompt_ids }, i) =>
      collect(
        engine,
        greedyRequest(`${i}`, prompt_ids, recorded.answer_tokens_at_most, eosTokenIds),
      ),
    ),
  );
  await engine.close();
  // Whether the end-of-sequence id belongs to the answer is the recorder's choice.
  const text = (ids: readonly number[]) => ids.filter((id) => !eosTokenIds.includes(id)).join(" ");
  return answers.filter((answer, i) => text(answer) === text(cases[i]!.answer_ids)).length;
}

/** All recorded conversations, on a machine that has other work. */
const answersTimeoutMs = 180_000;

test.each(["paged", "gqa", "pages"] as const)(
  "%s attention gives every recorded answer",
  async (attention) => {
    expect(await countSameAnswers({ attention })).toBe(cases.length);
  },
  answersTimeoutMs,
);

test(
  "8 bit weights give nearly all of them",
  async () => {
    const same = await countSameAnswers({ quantization: "q8" });
    expect(same / cases.length).toBeGreaterThan(0.8);
  },
  answersTimeoutMs,
);

// The same on a real model: what a second worker computes from prompt and answer must go on where the first stood.
import type { Engine } from "@dyn/engine";
import { createOnnxEngine } from "@dyn/engine-onnx";
import type { PreprocessedRequest } from "@dyn/protocol";
import { createMigratingClient } from "@dyn/router";
import { modelPath } from "@dyn/tiny-models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BrokenDeployment, joinAnswer, startBrokenDeployment } from "./broken-deployment.ts";

let engine: Engine;
let deployment: BrokenDeployment;
beforeAll(async () => {
  engine = await createOnnxEngine({ modelDirectory: modelPath("dyn-tiny-chat"), threadCount: 1 });
  deployment = await startBrokenDeployment(engine);
});
afterAll(async () => {
  await deployment?.close();
  await engine?.close();
});

const sampled = { temperature: 0.8, top_p: 0.9, seed: 11 };
test.each([
  ["greedy", { temperature: 0 }, [5, 9]],
  ["greedy, four choices", { temperature: 0, n: 4 }, [17, 9]],
  ["seeded", sampled, [1, 12]],
  ["seeded, three choices", { ...sampled, n: 3 }, [8, 25]],
  ["seeded with penalties", { ...sampled, n: 2, repetition_penalty: 1.2 }, [8, 21]],
])("%s: the answer that moved twice is the answer that did not", async (_, sampling, cuts) => {
  const request: PreprocessedRequest = {
    model: "m",
    token_ids: [300, 301, 302, 303, 304, 305, 306],
    stop_conditions: { max_tokens: 40, ignore_eos: true },
    sampling_options: sampling,
    output_options: { logprobs: 0 },
    eos_token_ids: [],
    annotations: [],
  };
  const whole = await joinAnswer(deployment.client.generate(request));
  deployment.reset();
  deployment.cuts = [...cuts];
  const moved = await joinAnswer(
    createMigratingClient(deployment.client, { limit: 2 }).generate(request),
  );
  expect(deployment.sent).toHaveLength(3);
  expect(moved.choices.map(({ tokenIds }) => tokenIds)).toEqual(
    whole.choices.map(({ tokenIds }) => tokenIds),
  );
  for (const [index, { logprobs, finishes, completionTokens }] of moved.choices.entries()) {
    expect(finishes).toEqual([["length", undefined]]);
    expect(completionTokens).toBe(40);
    // Sums of floats in another order: the prompt of the rest is computed at once.
    logprobs.forEach((logprob, i) => {
      expect(logprob).toBeCloseTo(whole.choices[index]!.logprobs[i]!, 2);
    });
  }
});

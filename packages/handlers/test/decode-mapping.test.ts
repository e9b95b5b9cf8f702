import { outputToItem, requestToGenerate } from "@dyn/handlers";
import type { PreprocessedRequest } from "@dyn/protocol";
import { expect, test } from "vitest";

const request: PreprocessedRequest = {
  model: "m",
  token_ids: [1, 2, 3],
  stop_conditions: {
    stop_token_ids_hidden: [9],
    stop_token_ids: [7, 7],
    min_tokens: 2,
    max_tokens: 5,
  },
  sampling_options: {
    temperature: 0.5,
    top_k: 0,
    seed: 2n ** 60n + 3n,
    n: 2,
    logit_bias: { "4": -100 },
  },
  output_options: { logprobs: 2 },
  eos_token_ids: [9],
  annotations: [],
  routing: { priority: 3, cache_salt: "tenant" },
  extra_args: {
    sampling_options: { allowed_token_ids: [4, 5], bad_words_token_ids: [6, [7, 8]] },
  },
};

test("a preprocessed request becomes the engine's, field by field", () => {
  expect(requestToGenerate(request, "id")).toEqual({
    requestId: "id",
    tokenIds: Uint32Array.of(1, 2, 3),
    sampling: {
      maxNewTokens: 5,
      minNewTokens: 2,
      temperature: 0.5,
      topP: 1,
      topK: -1,
      minP: 0,
      frequencyPenalty: 0,
      presencePenalty: 0,
      repetitionPenalty: 1,
      logitBias: { 4: -100 },
      allowedTokenIds: [4, 5],
      bannedTokenRows: [[6], [7, 8]],
      stopTokenIds: [7],
      stop: [],
      stopRegex: [],
      ignoreEos: false,
      seed: Number((2n ** 60n + 3n) % 2n ** 53n),
    },
    n: 2,
    eosTokenIds: [9],
    logprobs: { top: 2 },
    promptLogprobs: null,
    priority: 3,
    routingKey: null,
    cacheSalt: "tenant",
    extraKey: null,
    grammar: null,
    thinking: null,
    resume: null,
    dataParallelRank: null,
  });
});

test("ignore_eos leaves no end-of-sequence id", () => {
  const stop_conditions = { ...request.stop_conditions, ignore_eos: true };
  expect(requestToGenerate({ ...request, stop_conditions }, "id").eosTokenIds).toEqual([]);
});

test("what the engine cannot do is refused by the name of the field", () => {
  const beam = { ...request, sampling_options: { use_beam_search: true } };
  expect(() => requestToGenerate(beam, "id")).toThrow("use_beam_search");
  const thinking = { ...request, stop_conditions: { max_thinking_tokens: 10 } };
  expect(() => requestToGenerate(thinking, "id")).toThrow("max_thinking_tokens");
});

const samplerState = { seed: 1, step: 1 };
const usage = { promptTokens: 3, completionTokens: 1, cachedTokens: 2 };

test("an output becomes an item with aligned log-probabilities and usage at both ends", () => {
  const output = {
    requestId: "id",
    index: 1,
    tokenIds: [5],
    logprobs: [{ logprob: -0.5, top: [{ tokenId: 5, logprob: -0.5 }] }],
    promptLogprobs: [null, { logprob: -2, top: [{ tokenId: 8, logprob: -1 }] }],
    finish: { type: "stop", matched: 7 } as const,
    usage,
    samplerState,
  };
  expect(outputToItem(output, { isFirst: true, promptTokenIds: [1, 2] })).toEqual({
    token_ids: [5],
    index: 1,
    log_probs: [-0.5],
    top_logprobs: [[{ rank: 1, token_id: 5, logprob: -0.5 }]],
    finish_reason: "stop",
    stop_reason: 7,
    engine_data: {
      prompt_logprobs: [null, { 2: { logprob: -2 }, 8: { logprob: -1, rank: 1 } }],
      kv_cache_hit: { prompt_tokens: 3, reused_tokens: 2 },
    },
    completion_usage: {
      prompt_tokens: 3,
      completion_tokens: 1,
      total_tokens: 4,
      prompt_tokens_details: { cached_tokens: 2 },
    },
  });
  const middle = { ...output, logprobs: null, promptLogprobs: null, finish: null };
  expect(outputToItem(middle, { isFirst: false, promptTokenIds: [] })).toEqual({
    token_ids: [5],
    index: 1,
  });
});

test("an aborted choice is cancelled, a failed one throws its error", () => {
  const base = {
    requestId: "id",
    index: 0,
    tokenIds: [],
    logprobs: null,
    promptLogprobs: null,
    usage,
    samplerState,
  };
  const aborted = { ...base, finish: { type: "abort", message: "gone" } as const };
  const options = { isFirst: false, promptTokenIds: [] };
  expect(outputToItem(aborted, options).finish_reason).toBe("cancelled");
  const error = { message: "out of pages", code: "DYN_ENGINE_X", status: 500, retryable: false };
  const failed = { ...base, finish: { type: "error", error } as const };
  expect(() => outputToItem(failed, options)).toThrow("out of pages");
});

// From a request to its choices: checked, with their seeds, samplers and stops. Nothing is queued here.
import type { CompiledGrammar } from "@dyn/grammar";
import type { FinishReason } from "../contract/engine-output.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import { createSamplerSequence } from "../sampler/sampler-sequence.ts";
import { deriveSeed, drawSeed } from "../sampler/seed.ts";
import { validateSamplingParams } from "../sampler/validate-sampling-params.ts";
import { RequestGroup } from "../scheduler/request-group.ts";
import { Sequence } from "../scheduler/sequence.ts";
import { type RequestLimits, validateRequest } from "../scheduler/validate-request.ts";
import { Choice } from "./choice.ts";
import { openMatcher } from "./open-matcher.ts";
import { StopDetector } from "./stop-detector.ts";
import type { TokenDecoder } from "./token-decoder.ts";

export interface OpenedRequest {
  readonly group: RequestGroup;
  readonly choices: readonly Choice[];
  /** Resumed choices that had ended already. */
  readonly finished: readonly { choice: Choice; reason: FinishReason }[];
}

export function openRequest(
  request: GenerateRequest,
  options: {
    limits: RequestLimits;
    pageSize: number;
    random: () => number;
    createDecoder: (() => TokenDecoder) | undefined;
    /** Of the request's grammar; `null` = it has none, or only its fields are to be checked. */
    grammar: CompiledGrammar | null;
  },
): OpenedRequest {
  const { limits, createDecoder } = options;
  const { sampling } = request;
  validateRequest(request, limits);
  validateSamplingParams(sampling, {
    vocabSize: limits.vocabSize,
    hasTokenizer: createDecoder !== undefined,
  });
  const group = new RequestGroup(request);
  const seed = sampling.seed ?? drawSeed(options.random);
  const maxLength = longestSequence(request, limits);
  const choices: Choice[] = [];
  const finished: { choice: Choice; reason: FinishReason }[] = [];
  for (let index = 0; index < request.n; index++) {
    const resumed = request.resume?.[index];
    const tokenIds = resumed?.tokenIds ?? [];
    const sequence = new Sequence({
      group,
      index,
      prompt: request.tokenIds,
      resumed: tokenIds,
      maxLength: Math.max(maxLength, request.tokenIds.length + tokenIds.length),
      pageSize: options.pageSize,
    });
    const state = resumed?.samplerState;
    const choiceSeed = state?.seed ?? deriveSeed(seed, index);
    const stops =
      createDecoder !== undefined && sampling.stop.length + sampling.stopRegex.length > 0
        ? new StopDetector(sampling, createDecoder())
        : null;
    const choice = new Choice({
      sequence,
      sampler: createSamplerSequence({
        params: sampling,
        seed: choiceSeed,
        ...(state === undefined ? {} : { step: state.step }),
        eosTokenIds: request.eosTokenIds,
        logprobs: request.logprobs,
        outputTokenIds: tokenIds,
        thinking: request.thinking ?? null,
        grammar: openMatcher(request, options.grammar, tokenIds),
      }),
      row: { params: sampling, seed: choiceSeed, step: tokenIds.length },
      stops,
    });
    group.sequences.push(sequence);
    choices.push(choice);
    if (tokenIds.length === 0) continue;
    stops?.skip(tokenIds.slice(0, -1));
    const reason = choice.checkFinish(tokenIds[tokenIds.length - 1]!);
    if (reason === null) continue;
    sequence.state = "finished";
    finished.push({ choice, reason });
  }
  group.openCount = choices.length;
  return { group, choices, finished };
}

/** The last token needs no KV of its own, hence the one beyond the pool. */
function longestSequence(request: GenerateRequest, limits: RequestLimits): number {
  const { maxNewTokens } = request.sampling;
  const prompt = request.tokenIds.length;
  const longest = Math.min(limits.contextLength, limits.poolTokens + 1);
  return maxNewTokens === null ? longest : Math.min(prompt + maxNewTokens, longest);
}

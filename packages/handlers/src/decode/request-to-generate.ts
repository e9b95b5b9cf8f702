// From the wire's preprocessed request to what the engine is asked. The one place of this change of spelling.
import {
  deriveSeed,
  type GenerateRequest,
  type SamplingParams,
  type ThinkingBudget,
} from "@dyn/engine";
import { InvalidArgumentError, type PreprocessedRequest, readChoiceField } from "@dyn/protocol";
import { z } from "zod";
import { foldSeed } from "./fold-seed.ts";
import { guidedToGrammar } from "./guided-to-grammar.ts";
import { type ResumedRequest, toResumedRequest } from "./resumed-request.ts";
import { type ThinkingMarkers, toThinkingBudget } from "./thinking-markers.ts";
import { toTokenRules } from "./token-rules.ts";

/** What most models with reasoning write behind it. */
export const defaultReasoningEnd = "</think>";

export interface ReasoningMarks {
  /** The text that ends reasoning. Default `</think>`. */
  readonly end?: string | undefined;
  /** `null`: the model's are not known. Only needed for a request that bounds its thinking. */
  readonly markers: ThinkingMarkers | null;
}

/** Throws an InvalidArgumentError that names the field when the engine cannot do what is asked. */
export function requestToGenerate(
  request: PreprocessedRequest,
  requestId: string,
  marks: ReasoningMarks = { markers: null },
): GenerateRequest {
  const resumed = toResumedRequest(request);
  return resumed === null
    ? freshRequest(request, requestId, marks)
    : { ...freshRequest(resumed.request, requestId, marks), resume: resumed.choices };
}

function freshRequest(
  request: ResumedRequest["request"],
  requestId: string,
  { end = defaultReasoningEnd, markers }: ReasoningMarks,
): GenerateRequest {
  refuseUnsupported(request);
  const { stop_conditions: stop, sampling_options: sampling, output_options: output } = request;
  const ignoreEos = stop.ignore_eos ?? false;
  return {
    requestId,
    tokenIds:
      request.token_ids instanceof Uint32Array
        ? request.token_ids
        : Uint32Array.from(request.token_ids),
    sampling: samplingParams(request),
    n: sampling.n ?? 1,
    eosTokenIds: ignoreEos ? [] : unique(stop.stop_token_ids_hidden ?? request.eos_token_ids),
    logprobs: output.logprobs == null ? null : { top: output.logprobs },
    promptLogprobs:
      output.prompt_logprobs == null ? null : { top: output.prompt_logprobs, start: 0 },
    priority: request.routing?.priority ?? 0,
    routingKey: null,
    cacheSalt: request.routing?.cache_salt ?? null,
    extraKey: null,
    grammar: guidedToGrammar(request, end),
    thinking: thinkingBudget(request, markers),
    resume: null,
    dataParallelRank: rankOf(request),
  };
}

/** The largest u32 stands for none. */
function rankOf({ routing }: PreprocessedRequest): number | null {
  const rank = routing?.dp_rank ?? null;
  return rank === 0xffff_ffff ? null : rank;
}

function samplingParams(request: PreprocessedRequest): SamplingParams {
  const { stop_conditions: stop, sampling_options: sampling } = request;
  return {
    maxNewTokens: stop.max_tokens ?? null,
    minNewTokens: stop.min_tokens ?? 0,
    temperature: sampling.temperature ?? 1,
    topP: sampling.top_p ?? 1,
    // OpenAI-compatible clients also write 0 for "all".
    topK: sampling.top_k === 0 ? -1 : (sampling.top_k ?? -1),
    minP: sampling.min_p ?? 0,
    frequencyPenalty: sampling.frequency_penalty ?? 0,
    presencePenalty: sampling.presence_penalty ?? 0,
    repetitionPenalty: sampling.repetition_penalty ?? 1,
    logitBias: logitBias(sampling.logit_bias),
    ...toTokenRules(request),
    stopTokenIds: unique([...(stop.stop_token_ids ?? []), ...(stop.stop_token_ids_visible ?? [])]),
    // Text is the frontend's: it matches stop strings and ends the request.
    stop: [],
    stopRegex: [],
    ignoreEos: stop.ignore_eos ?? false,
    seed: choiceSeed(request),
  };
}

/** Also where the choice was sent apart from the others of its request. */
function choiceSeed(request: PreprocessedRequest): number | null {
  const { index, seed } = readField(request) ?? { index: 0, seed: request.sampling_options.seed };
  return seed == null ? null : deriveSeed(foldSeed(seed), index);
}

function readField(request: PreprocessedRequest) {
  try {
    return readChoiceField(request);
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    throw new InvalidArgumentError(`The choice is not valid: ${z.prettifyError(cause)}`, {
      param: "extra_args.dyn_choice",
      cause,
    });
  }
}

function thinkingBudget(
  request: PreprocessedRequest,
  markers: ThinkingMarkers | null,
): ThinkingBudget | null {
  const maxTokens = request.stop_conditions.max_thinking_tokens;
  if (maxTokens == null) return null;
  if (markers !== null) return toThinkingBudget(maxTokens, request.token_ids, markers);
  throw new InvalidArgumentError(
    `max_thinking_tokens is ${maxTokens}, but this worker does not know what ends its model's reasoning. Leave it out, or give the worker a reasoning parser whose format has a fixed end (--dyn-reasoning-parser).`,
    { param: "max_thinking_tokens" },
  );
}

function refuseUnsupported({ sampling_options: sampling }: PreprocessedRequest): void {
  if (sampling.use_beam_search) {
    throw new InvalidArgumentError(
      "use_beam_search is true, but this worker's engine only samples. Leave it out and use n for several choices.",
      { param: "use_beam_search" },
    );
  }
}

function logitBias(bias: Record<string, number> | null | undefined): Record<number, number> {
  return Object.fromEntries(Object.entries(bias ?? {}).map(([id, value]) => [Number(id), value]));
}

function unique(ids: readonly number[]): number[] {
  return [...new Set(ids)];
}

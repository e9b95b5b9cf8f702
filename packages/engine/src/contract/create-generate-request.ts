import { randomUUID } from "node:crypto";
import type { GenerateRequest } from "./generate-request.ts";
import { defaultSamplingParams, type SamplingParams } from "./sampling-params.ts";

/** Fields of a request; only the prompt has to be there. */
export type GenerateRequestFields = Partial<Omit<GenerateRequest, "tokenIds" | "sampling">> & {
  readonly tokenIds: ArrayLike<number>;
  readonly sampling?: Partial<SamplingParams>;
};

/**
 * A whole request. What is left out asks for nothing: one choice, `defaultSamplingParams`, no end ids, no
 * log-probabilities, a UUID as its id. Nothing is checked here: the engine that gets it does.
 */
export function createGenerateRequest(fields: GenerateRequestFields): GenerateRequest {
  const { tokenIds, sampling, ...rest } = fields;
  return {
    n: 1,
    eosTokenIds: [],
    logprobs: null,
    promptLogprobs: null,
    priority: 0,
    routingKey: null,
    cacheSalt: null,
    extraKey: null,
    resume: null,
    ...rest,
    requestId: rest.requestId ?? randomUUID(),
    tokenIds: Uint32Array.from(tokenIds),
    sampling: { ...defaultSamplingParams, ...sampling },
  };
}

import { randomBytes } from "node:crypto";
import { defaultSamplingParams, type GenerateRequest, type SamplingParams } from "@dyn/engine";

export type RequestOptions = Partial<Omit<GenerateRequest, "sampling" | "tokenIds">> & {
  tokenIds: ArrayLike<number>;
  sampling?: Partial<SamplingParams>;
};

let counter = 0;

/** A greedy request of 8 new tokens unless told otherwise. */
export function makeRequest(options: RequestOptions): GenerateRequest {
  const { tokenIds, sampling, ...rest } = options;
  return {
    requestId: `request-${counter++}`,
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
    tokenIds: Uint32Array.from(tokenIds),
    sampling: { ...defaultSamplingParams, temperature: 0, maxNewTokens: 8, ...sampling },
  };
}

export function drawRoom(): bigint {
  return BigInt(`0x${randomBytes(8).toString("hex")}`) >> 1n;
}

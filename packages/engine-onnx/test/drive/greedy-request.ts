import { defaultSamplingParams, type Engine, type GenerateRequest } from "@dyn/engine";

export function greedyRequest(
  requestId: string,
  tokenIds: readonly number[],
  maxNewTokens: number,
  eosTokenIds: readonly number[] = [],
): GenerateRequest {
  return {
    requestId,
    tokenIds: Uint32Array.from(tokenIds),
    sampling: {
      ...defaultSamplingParams,
      temperature: 0,
      maxNewTokens,
      ignoreEos: eosTokenIds.length === 0,
    },
    n: 1,
    eosTokenIds,
    logprobs: null,
    promptLogprobs: null,
    priority: 0,
    routingKey: null,
    cacheSalt: null,
    extraKey: null,
    resume: null,
  };
}

export async function collect(engine: Engine, request: GenerateRequest): Promise<number[]> {
  const tokenIds: number[] = [];
  for await (const output of engine.generate(request)) tokenIds.push(...output.tokenIds);
  return tokenIds;
}

import { createGenerateRequest, type Engine, type GenerateRequest } from "@dyn/engine";

export function greedyRequest(
  requestId: string,
  tokenIds: readonly number[],
  maxNewTokens: number,
  eosTokenIds: readonly number[] = [],
): GenerateRequest {
  return createGenerateRequest({
    requestId,
    tokenIds,
    sampling: { temperature: 0, maxNewTokens, ignoreEos: eosTokenIds.length === 0 },
    eosTokenIds,
  });
}

export async function collect(engine: Engine, request: GenerateRequest): Promise<number[]> {
  const tokenIds: number[] = [];
  for await (const output of engine.generate(request)) tokenIds.push(...output.tokenIds);
  return tokenIds;
}

// From what the engine says of one step to the wire's item.
import type { GenerateOutput, TokenLogprobs } from "@dyn/engine";
import { type EngineOutputItem, recordToError } from "@dyn/protocol";

/** Throws the engine's error when a choice ended in one. */
export function outputToItem(
  output: GenerateOutput,
  options: { readonly isFirst: boolean; readonly promptTokenIds: ArrayLike<number> },
): EngineOutputItem {
  const { finish, usage, logprobs } = output;
  if (finish?.type === "error") throw recordToError(finish.error);
  const item: EngineOutputItem = { token_ids: output.tokenIds as number[], index: output.index };
  if (logprobs !== null) {
    item.log_probs = logprobs.map(({ logprob }) => logprob);
    item.top_logprobs = logprobs.map(topLogprobs);
  }
  const engineData: Record<string, unknown> = {};
  if (output.promptLogprobs !== null) {
    engineData.prompt_logprobs = output.promptLogprobs.map((entry, i) =>
      promptLogprob(entry, options.promptTokenIds[i]),
    );
  }
  if (finish !== null) {
    item.finish_reason = finish.type === "abort" ? "cancelled" : finish.type;
    if (finish.type === "stop" && finish.matched !== null) item.stop_reason = finish.matched;
    engineData.kv_cache_hit = {
      prompt_tokens: usage.promptTokens,
      reused_tokens: usage.cachedTokens,
    };
  }
  if (options.isFirst || finish !== null) {
    item.completion_usage = {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
      prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    };
  }
  if (Object.keys(engineData).length > 0) item.engine_data = engineData;
  return item;
}

function topLogprobs({ top }: TokenLogprobs) {
  return top.map(({ tokenId, logprob }, i) => ({ rank: i + 1, token_id: tokenId, logprob }));
}

/** `null` for the first token of the prompt, else by id: the prompt's own token, then the alternatives. */
function promptLogprob(entry: TokenLogprobs | null, tokenId: number | undefined) {
  if (entry === null || tokenId === undefined) return null;
  const byId: Record<string, { logprob: number; rank?: number }> = {
    [tokenId]: { logprob: entry.logprob },
  };
  entry.top.forEach(({ tokenId: id, logprob }, i) => {
    byId[id] = { logprob, rank: i + 1 };
  });
  return byId;
}

import type { ChatLogprobs, ChatTokenLogprob } from "@dyn/protocol";
import type { ShownToken } from "./choice-delta.ts";
import type { TokenNames } from "./token-names.ts";

export interface ChatLogprobsOptions {
  readonly names: TokenNames;
  readonly asIds: boolean;
  /** `null`: the sampled token alone stands in the list (Dynamo 1.6.1). */
  readonly topCount: number | null;
}

/** JSON has no infinity; this is what OpenAI-compatible servers write for "impossible". */
export const lowestLogprob = -9999;

export function toChatLogprobs(
  tokens: readonly ShownToken[],
  options: ChatLogprobsOptions,
): ChatLogprobs {
  return { content: tokens.map((token) => toTokenLogprob(token, options)), refusal: null };
}

function toTokenLogprob(token: ShownToken, options: ChatLogprobsOptions): ChatTokenLogprob {
  const { topCount } = options;
  const sampled = named(token.tokenId, token.logprob ?? 0, options);
  const top =
    topCount === null
      ? [sampled]
      : token.top
          .slice(0, topCount)
          .map(({ tokenId, logprob }) => named(tokenId, logprob, options));
  const { token: text, logprob, bytes } = sampled;
  return { token: text, logprob, token_id: token.tokenId, bytes, top_logprobs: top };
}

function named(tokenId: number, logprob: number, { names, asIds }: ChatLogprobsOptions) {
  const { text, bytes } = names.nameOf(tokenId, asIds);
  return { token: text, logprob: Math.max(logprob, lowestLogprob), bytes: bytes as number[] };
}

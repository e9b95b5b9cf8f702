import type { TextLogprobs } from "@dyn/protocol";
import { lowestLogprob } from "./chat-logprobs.ts";
import type { ShownToken } from "./choice-delta.ts";
import type { TokenNames } from "./token-names.ts";

export interface TextLogprobsOptions {
  readonly names: TokenNames;
  readonly asIds: boolean;
  /** 0: the sampled tokens alone, without a list of alternatives. */
  readonly topCount: number;
}

/** Each alternative list also names the sampled token, so it may have one entry more than asked for. */
export function toTextLogprobs(
  tokens: readonly ShownToken[],
  options: TextLogprobsOptions,
): TextLogprobs {
  const { topCount } = options;
  return {
    tokens: tokens.map(({ tokenId }) => options.names.nameOf(tokenId, options.asIds).text),
    token_logprobs: tokens.map(({ logprob }) => (logprob === null ? null : bounded(logprob))),
    top_logprobs: topCount === 0 ? null : tokens.map((token) => alternatives(token, options)),
    text_offset: tokens.map(({ textOffset }) => textOffset),
  };
}

function alternatives(
  token: ShownToken,
  { names, asIds, topCount }: TextLogprobsOptions,
): Record<string, number> | null {
  if (token.logprob === null) return null;
  const byText: Record<string, number> = {};
  const all = [...token.top.slice(0, topCount), { tokenId: token.tokenId, logprob: token.logprob }];
  for (const { tokenId, logprob } of all) {
    const { text } = names.nameOf(tokenId, asIds);
    // Of tokens with equal text the likelier, which comes first, is kept.
    byText[text] ??= bounded(logprob);
  }
  return byText;
}

function bounded(logprob: number): number {
  return Math.max(logprob, lowestLogprob);
}

// The tokens of an answer as the worker gave them, ends included: what is left out of a text belongs to its ids.
import type { EngineOutputItem } from "@dyn/protocol";
import type { ShownToken } from "./choice-delta.ts";
import { PromptScores } from "./prompt-scores.ts";
import type { PromptListener } from "./run-prompt.ts";
import type { TokenNames } from "./token-names.ts";

/** Of the choices of one prompt. Bounded by what the request may have answered. */
export class RawTokens implements PromptListener {
  readonly scores: PromptScores;
  readonly #choices = new Map<number, ShownToken[]>();

  constructor(names: TokenNames) {
    this.scores = new PromptScores(names);
  }

  observe(item: EngineOutputItem): void {
    this.scores.observe(item);
    const index = item.index ?? 0;
    let tokens = this.#choices.get(index);
    if (tokens === undefined) {
      tokens = [];
      this.#choices.set(index, tokens);
    }
    for (const [i, tokenId] of item.token_ids.entries()) {
      const top = item.top_logprobs?.[i] ?? [];
      tokens.push({
        tokenId,
        logprob: item.log_probs?.[i] ?? null,
        top: top.map(({ token_id: id, logprob }) => ({ tokenId: id, logprob })),
        textOffset: 0,
      });
    }
  }

  /** The first `count` of a choice. */
  of(index: number, count: number): readonly ShownToken[] {
    return (this.#choices.get(index) ?? []).slice(0, count);
  }
}

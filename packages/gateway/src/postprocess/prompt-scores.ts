import type { EngineOutputItem, PromptLogprob } from "@dyn/protocol";
import { lowestLogprob } from "./chat-logprobs.ts";
import type { TokenNames } from "./token-names.ts";

type Scored = Readonly<Record<string, { readonly logprob: number; readonly rank?: number }>>;

/** `prompt_logprobs` of a chat: the worker tells them once. */
export class PromptScores {
  readonly #names: TokenNames;
  #scores: readonly (Scored | null)[] | null = null;

  constructor(names: TokenNames) {
    this.#names = names;
  }

  observe(item: EngineOutputItem): void {
    const given = item.engine_data?.prompt_logprobs;
    if (Array.isArray(given)) this.#scores ??= given as (Scored | null)[];
  }

  /** As vLLM writes them: by token id, `null` for the first token. `null`: the worker gave none. */
  toJson(): (Record<string, PromptLogprob> | null)[] | null {
    return this.#scores?.map((entry) => (entry === null ? null : this.#named(entry))) ?? null;
  }

  #named(entry: Scored): Record<string, PromptLogprob> {
    const named = Object.entries(entry).map(([id, { logprob, rank }]) => [
      id,
      {
        logprob: Math.max(logprob, lowestLogprob),
        ...(rank === undefined ? {} : { rank }),
        decoded_token: this.#names.nameOf(Number(id), false).text,
      },
    ]);
    return Object.fromEntries(named) as Record<string, PromptLogprob>;
  }
}

// `echo`: the prompt stands before the first text of each choice, with its log-probabilities if asked for.
import { type EngineOutputItem, InternalError, type TokenIds } from "@dyn/protocol";
import type { Tokenizer } from "@dyn/tokenizer";
import type { ChoiceDelta, ChoiceTransformer, ShownToken } from "./choice-delta.ts";
import { codePointCount } from "./code-point-count.ts";

/** Of one token: alternatives by id, the prompt's own token among them. */
type PromptLogprob = Readonly<Record<string, { readonly logprob: number; readonly rank?: number }>>;

/** What is echoed of one prompt; its choices share it. */
export class PromptEcho {
  readonly text: string;
  readonly #tokenizer: Tokenizer;
  readonly #tokenIds: TokenIds;
  readonly #wantsLogprobs: boolean;
  #logprobs: readonly (PromptLogprob | null)[] | null = null;

  constructor(options: {
    readonly tokenizer: Tokenizer;
    readonly tokenIds: TokenIds;
    /** The prompt as the client wrote it; `null` when it came as ids. */
    readonly text: string | null;
    readonly wantsLogprobs: boolean;
  }) {
    this.#tokenizer = options.tokenizer;
    this.#tokenIds = options.tokenIds;
    this.#wantsLogprobs = options.wantsLogprobs;
    this.text =
      options.text ?? options.tokenizer.decode(options.tokenIds, { skipSpecialTokens: false });
  }

  get codePointCount(): number {
    return codePointCount(this.text);
  }

  /** The worker tells of the prompt once, with an item of the first choice. */
  observe(item: EngineOutputItem): void {
    const given = item.engine_data?.prompt_logprobs;
    if (Array.isArray(given)) this.#logprobs ??= given as (PromptLogprob | null)[];
  }

  createTransformer(): ChoiceTransformer {
    let isFirst = true;
    return {
      transform: (delta) => {
        if (!isFirst) return delta;
        isFirst = false;
        return this.#prepend(delta);
      },
    };
  }

  #prepend(delta: ChoiceDelta): ChoiceDelta {
    const tokens = this.#wantsLogprobs
      ? [...this.#tokens(), ...(delta.tokens ?? [])]
      : delta.tokens;
    return { ...delta, text: this.text + delta.text, tokens };
  }

  #tokens(): ShownToken[] {
    if (this.#logprobs === null) {
      throw new InternalError("The worker gave no log-probabilities of the prompt.");
    }
    const decoder = this.#tokenizer.createDecoder({ skipSpecialTokens: false });
    let textOffset = 0;
    return Array.from(this.#tokenIds, (tokenId, i) => {
      const entry = this.#logprobs![i] ?? null;
      const token = {
        tokenId,
        textOffset,
        logprob: entry?.[tokenId]?.logprob ?? null,
        top: ranked(entry),
      };
      textOffset += codePointCount(decoder.push([tokenId]));
      return token;
    });
  }
}

function ranked(entry: PromptLogprob | null): ShownToken["top"] {
  return Object.entries(entry ?? {})
    .filter(([, { rank }]) => rank !== undefined)
    .sort(([, a], [, b]) => a.rank! - b.rank!)
    .map(([id, { logprob }]) => ({ tokenId: Number(id), logprob }));
}

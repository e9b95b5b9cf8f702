// What of an answer has reached its reader, and the request that brings the rest. Only what was delivered counts:
// what a lost worker had computed beyond it is computed again.
import {
  type CompletionUsage,
  type EngineOutputItem,
  type PreprocessedRequest,
  resumedMark,
  UnavailableError,
  withResumeField,
} from "@dyn/protocol";
import { choiceEnd } from "./choice-end.ts";

interface DeliveredChoice {
  readonly tokenIds: number[];
  isFinished: boolean;
  hasPromptLogprobs: boolean;
}

export class DeliveredAnswer {
  readonly #request: PreprocessedRequest;
  readonly #choices: readonly DeliveredChoice[];
  #longestCount = 0;
  #usage: CompletionUsage | null = null;
  /** Of the stream that is read now. */
  #stream: "whole" | "rest" | "rest, not begun" = "whole";
  /** The worker took the tokens before for a prompt. */
  #isForeign = false;

  /** The request names its seed, or is greedy: the rest must be drawn as the whole would have been. */
  constructor(request: PreprocessedRequest) {
    this.#request = request;
    this.#choices = Array.from({ length: request.sampling_options.n ?? 1 }, () => ({
      tokenIds: [],
      isFinished: false,
      hasPromptLogprobs: false,
    }));
  }

  get isComplete(): boolean {
    return this.#choices.every(({ isFinished }) => isFinished);
  }

  get hasTokens(): boolean {
    return this.#longestCount > 0;
  }

  /** Tokens of the prompt and the longest choice. */
  get sequenceLength(): number {
    return this.#request.token_ids.length + this.#longestCount;
  }

  /**
   * Marks choices as ended that have all their tokens, and gives the items that say so.
   * Call it when a stream broke, before the next request.
   */
  endCompleteChoices(): EngineOutputItem[] {
    return this.#choices.flatMap((choice, index) => {
      const end = choice.isFinished ? null : choiceEnd(this.#request, choice.tokenIds);
      if (end === null) return [];
      choice.isFinished = true;
      return [{ token_ids: [], index, ...end, completion_usage: this.#usageOf(choice) }];
    });
  }

  /** The request for all that is missing; its items must come through `accept`. */
  nextRequest(): PreprocessedRequest {
    const { output_options: output, stop_conditions: stop } = this.#request;
    const knowsPrompt = this.#choices.every((it) => it.isFinished || it.hasPromptLogprobs);
    const request: PreprocessedRequest = knowsPrompt
      ? { ...this.#request, output_options: { ...output, prompt_logprobs: null } }
      : this.#request;
    if (!this.hasTokens) {
      this.#stream = "whole";
      return request;
    }
    this.#stream = "rest, not begun";
    const prompt = request.token_ids;
    const field = {
      prompt_tokens: prompt.length,
      max_tokens: stop.max_tokens,
      min_tokens: stop.min_tokens,
      choices: this.#choices.map(({ tokenIds }) => ({ token_ids: tokenIds.slice() })),
    };
    if (this.#choices.length > 1) return withResumeField(request, field);
    const { tokenIds } = this.#choices[0]!;
    const left = (count: number | null | undefined) =>
      count == null ? count : Math.max(0, count - tokenIds.length);
    return withResumeField(
      {
        ...request,
        token_ids: [...prompt, ...tokenIds],
        stop_conditions: {
          ...stop,
          max_tokens: left(stop.max_tokens),
          min_tokens: left(stop.min_tokens),
        },
      },
      field,
    );
  }

  /** The item as its reader should see it; `null` when it has been told of it before. */
  accept(item: EngineOutputItem): EngineOutputItem | null {
    const resumed = this.#stream === "whole" ? item : this.#acceptRest(item);
    const choice = this.#choices[resumed.index ?? 0];
    if (choice === undefined) return resumed;
    if (choice.isFinished) return null;
    const given = choice.hasPromptLogprobs ? without(resumed, "prompt_logprobs") : resumed;
    for (const id of given.token_ids) choice.tokenIds.push(id);
    this.#longestCount = Math.max(this.#longestCount, choice.tokenIds.length);
    if (given.finish_reason != null) choice.isFinished = true;
    if (given.engine_data?.prompt_logprobs !== undefined) choice.hasPromptLogprobs = true;
    if (given.completion_usage == null) return given;
    if (this.#stream === "whole") {
      this.#usage ??= given.completion_usage;
      return given;
    }
    this.#usage ??= this.#firstUsage(given.completion_usage);
    return { ...given, completion_usage: this.#usageOf(choice) };
  }

  #acceptRest(item: EngineOutputItem): EngineOutputItem {
    if (this.#stream === "rest") return item;
    this.#stream = "rest";
    this.#isForeign = item.engine_data?.[resumedMark] !== true;
    if (!this.#isForeign) return without(item, resumedMark);
    if (this.#choices.length === 1) return item;
    throw new UnavailableError(
      `An answer of ${this.#choices.length} choices broke off, and the worker that was to go on with it cannot.`,
      { code: "DYN_ROUTER_CANNOT_RESUME" },
    );
  }

  /** What the first worker would have said of the prompt. */
  #firstUsage(usage: CompletionUsage): CompletionUsage {
    return this.#isForeign
      ? { ...usage, prompt_tokens: this.#request.token_ids.length, prompt_tokens_details: null }
      : usage;
  }

  #usageOf({ tokenIds }: DeliveredChoice): CompletionUsage {
    const promptTokens = this.#usage?.prompt_tokens ?? this.#request.token_ids.length;
    const details = this.#usage?.prompt_tokens_details;
    return {
      prompt_tokens: promptTokens,
      completion_tokens: tokenIds.length,
      total_tokens: promptTokens + tokenIds.length,
      ...(details == null ? {} : { prompt_tokens_details: details }),
    };
  }
}

/** The item less one field of its engine data. */
function without(item: EngineOutputItem, field: string): EngineOutputItem {
  if (item.engine_data?.[field] === undefined) return item;
  const { [field]: _, ...engineData } = item.engine_data;
  const { engine_data: __, ...others } = item;
  return Object.keys(engineData).length > 0 ? { ...others, engine_data: engineData } : others;
}

import type { CompletionUsage, EngineOutputItem } from "@dyn/protocol";

/** Tokens of one prompt: counted here, with what the worker knows of its cache. */
export class PromptUsage {
  /** The worker's count replaces ours: a worker may add to the prompt. */
  promptTokens: number;
  /** `null` until the worker says. */
  cachedTokens: number | null = null;

  constructor(promptTokens: number) {
    this.promptTokens = promptTokens;
  }

  /** The first report of a prompt counts: later choices find in the cache what the first computed. */
  observe(item: EngineOutputItem): void {
    const usage = item.completion_usage;
    if (usage == null || this.cachedTokens !== null) return;
    this.promptTokens = usage.prompt_tokens;
    this.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? null;
  }
}

/** Usage of a whole request: prompts once each, all choices. */
export function sumUsage(
  prompts: readonly PromptUsage[],
  choices: readonly {
    readonly tokenCount: number;
    readonly reasoningTokenCount: number | null;
  }[],
): CompletionUsage {
  let promptTokens = 0;
  let cachedTokens: number | null = null;
  let completionTokens = 0;
  let reasoningTokens: number | null = null;
  for (const prompt of prompts) {
    promptTokens += prompt.promptTokens;
    if (prompt.cachedTokens !== null) cachedTokens = (cachedTokens ?? 0) + prompt.cachedTokens;
  }
  for (const choice of choices) {
    completionTokens += choice.tokenCount;
    if (choice.reasoningTokenCount !== null) {
      reasoningTokens = (reasoningTokens ?? 0) + choice.reasoningTokenCount;
    }
  }
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens === null ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens === null
      ? {}
      : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}

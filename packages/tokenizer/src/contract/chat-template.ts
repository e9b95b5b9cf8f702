/** Messages as the OpenAI API has them, content already reduced to what the template reads. */
export interface ChatTemplateInput {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly tools?: readonly unknown[] | undefined;
  readonly documents?: readonly unknown[] | undefined;
  /** Opens the assistant's turn at the end. Default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Leaves the last message open. Excludes addGenerationPrompt. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Further variables: `enable_thinking` and the like. They win over everything else. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** A compiled chat template of one model. */
export interface ChatTemplate {
  /** The prompt text. A template's own `raise_exception` becomes an InvalidArgumentError with its message. */
  render(input: ChatTemplateInput): string;
}

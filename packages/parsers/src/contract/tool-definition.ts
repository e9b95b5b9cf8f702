/** A tool that the model may call. */
export interface ToolDefinition {
  readonly name: string;
  /** JSON Schema of the arguments: gives the types of values that a format writes without quotes. */
  readonly parameters?: Readonly<Record<string, unknown>> | null | undefined;
}

/** As in a chat request; `none` strips a format's framing and shows its calls as content. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

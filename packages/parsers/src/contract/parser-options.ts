import type { ToolChoice, ToolDefinition } from "./tool-definition.ts";

/** Makes the id of a call. `nativeId` is what the model itself wrote, where its format has ids. Repeats are numbered. */
export type CallIdGenerator = (call: {
  readonly name: string;
  readonly index: number;
  readonly nativeId: string | null;
}) => string;

export interface ToolCallOptions {
  readonly tools: readonly ToolDefinition[];
  /** Default `auto`. With `required` or a name the answer may also be bare JSON, as forced by a grammar. */
  readonly toolChoice?: ToolChoice;
  /** `false` keeps the first call and drops the others. Default `true`. */
  readonly parallel?: boolean;
  /** Default: what Dynamo gives for this format, mostly `call-<uuid>`. */
  readonly idGenerator?: CallIdGenerator;
  /**
   * `incremental` (default) lets arguments out as they come. `whole` says nothing of a call before it is complete,
   * so that a broken one leaves no trace beside its text in the content.
   */
  readonly deliverArguments?: "incremental" | "whole";
  /** UTF-16 units held for one call; a longer one is given back as malformed. Default 8 Mi. */
  readonly maxHeldLength?: number;
}

export interface ReasoningOptions {
  /**
   * Whether the text begins inside reasoning, for instance because the prompt ended in an open think tag.
   * Default: what is usual for the parser.
   */
  readonly startInside?: boolean;
}

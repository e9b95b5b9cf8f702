// The response object, at every stage of its life.
import type { CompletionUsage, ResponsesRequest } from "@dyn/protocol";
import type { AnswerBlock, AnswerEnd } from "../postprocess/answer-blocks.ts";

export interface ResponseHead {
  /** UUID without hyphens: items have their ids from it. */
  readonly key: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly model: string;
  readonly request: ResponsesRequest;
}

type Status = "in_progress" | "completed" | "incomplete" | "failed";

export function toResponse(
  head: ResponseHead,
  state: {
    readonly status: Status;
    readonly output: readonly unknown[];
    readonly usage: CompletionUsage | null;
    readonly incompleteReason?: string | null;
    readonly error?: { readonly code: string; readonly message: string } | null;
  },
) {
  const { request } = head;
  const { incompleteReason = null, error = null } = state;
  return {
    id: `resp_${head.key}`,
    object: "response",
    created_at: head.createdAt,
    status: state.status,
    background: false,
    error,
    incomplete_details: incompleteReason === null ? null : { reason: incompleteReason },
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? request.max_tokens ?? null,
    model: head.model,
    output: state.output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: {
      effort: request.reasoning?.effort ?? null,
      summary: request.reasoning?.summary ?? null,
    },
    service_tier: request.service_tier ?? "auto",
    store: false,
    temperature: request.temperature ?? 1,
    text: { format: request.text?.format ?? { type: "text" } },
    tool_choice: request.tool_choice ?? "auto",
    tools: request.tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? 1,
    truncation: request.truncation ?? "disabled",
    usage: state.usage === null ? null : toResponseUsage(state.usage),
    user: request.user ?? null,
    metadata: request.metadata ?? {},
  };
}

export function toResponseUsage(usage: CompletionUsage) {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0 },
    output_tokens: usage.completion_tokens,
    output_tokens_details: {
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens: usage.total_tokens,
  };
}

/** How the response ended, by how its choice did. */
export function toEndState({ finishReason }: AnswerEnd): {
  readonly status: "completed" | "incomplete";
  readonly incompleteReason: string | null;
} {
  if (finishReason === "length") {
    return { status: "incomplete", incompleteReason: "max_output_tokens" };
  }
  if (finishReason === "content_filter") {
    return { status: "incomplete", incompleteReason: "content_filter" };
  }
  return { status: "completed", incompleteReason: null };
}

const prefixes = { text: "msg", reasoning: "rs", call: "fc" } as const;

export function itemIdOf(head: ResponseHead, { kind, index }: AnswerBlock): string {
  return `${prefixes[kind]}_${head.key}${index.toString().padStart(4, "0")}`;
}

/** A block as an output item: empty when it begins, whole when it ended. */
export function toItem(
  head: ResponseHead,
  block: AnswerBlock,
  status: "in_progress" | "completed" | "incomplete",
) {
  const id = itemIdOf(head, block);
  const isEmpty = status === "in_progress";
  switch (block.kind) {
    case "text":
      return {
        id,
        type: "message",
        status,
        role: "assistant",
        content: isEmpty ? [] : [toTextPart(block)],
      };
    case "reasoning":
      return {
        id,
        type: "reasoning",
        status,
        summary: [],
        content: isEmpty ? [] : [{ type: "reasoning_text", text: block.text }],
      };
    case "call":
      return {
        id,
        type: "function_call",
        status,
        call_id: block.call!.id,
        name: block.call!.name,
        arguments: isEmpty ? "" : block.text,
      };
  }
}

export function toTextPart({ text, tokens }: AnswerBlock) {
  return { type: "output_text", text, annotations: [], logprobs: tokens };
}

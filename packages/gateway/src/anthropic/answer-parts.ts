// Parts of an answer in Anthropic's words.
import type {
  AnthropicAnswer,
  AnthropicStopReason,
  AnthropicUsage,
  CompletionUsage,
} from "@dyn/protocol";
import type { AnswerBlock, AnswerEnd } from "../postprocess/answer-blocks.ts";

/** `null`: nobody has counted yet. Its clients want figures all the same. */
export function toAnthropicUsage(usage: CompletionUsage | null): AnthropicUsage {
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  return {
    input_tokens: (usage?.prompt_tokens ?? 0) - cached,
    output_tokens: usage?.completion_tokens ?? 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
  };
}

export function toStop({ finishReason, stopReason }: AnswerEnd): {
  readonly stop_reason: AnthropicStopReason;
  readonly stop_sequence: string | null;
} {
  if (typeof stopReason === "string") {
    return { stop_reason: "stop_sequence", stop_sequence: stopReason };
  }
  const reasons = {
    stop: "end_turn",
    length: "max_tokens",
    tool_calls: "tool_use",
    content_filter: "refusal",
  } as const;
  return { stop_reason: reasons[finishReason], stop_sequence: null };
}

/** A block as it stands when it is whole. */
export function toContentBlock(block: AnswerBlock): AnthropicAnswer["content"][number] {
  switch (block.kind) {
    case "text":
      return { type: "text", text: block.text };
    case "reasoning":
      return { type: "thinking", thinking: block.text, signature: "" };
    case "call":
      return {
        type: "tool_use",
        id: block.call!.id,
        name: block.call!.name,
        input: parseInput(block.text),
      };
  }
}

/** Arguments that an end by length cut off are no JSON; Anthropic's clients know this key for such. */
function parseInput(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json === "" ? "{}" : json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  return { INVALID_JSON: json };
}

// The whole answer of POST /v1/messages.
import { z } from "zod";

const count = z.number().int().nonnegative();

export const AnthropicUsage = z.object({
  /** Of the prompt, less what came from the cache. */
  input_tokens: count,
  output_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
});
export type AnthropicUsage = z.infer<typeof AnthropicUsage>;

export const AnthropicStopReason = z.enum([
  "end_turn",
  "max_tokens",
  "stop_sequence",
  "tool_use",
  "refusal",
]);
export type AnthropicStopReason = z.infer<typeof AnthropicStopReason>;

export const AnthropicAnswer = z.object({
  id: z.string(),
  type: z.literal("message"),
  role: z.literal("assistant"),
  content: z.array(
    z.discriminatedUnion("type", [
      z.object({ type: z.literal("text"), text: z.string() }),
      z.object({ type: z.literal("thinking"), thinking: z.string(), signature: z.string() }),
      z.object({
        type: z.literal("tool_use"),
        id: z.string(),
        name: z.string(),
        input: z.record(z.string(), z.unknown()),
      }),
    ]),
  ),
  model: z.string(),
  stop_reason: AnthropicStopReason.nullable(),
  stop_sequence: z.string().nullable(),
  usage: AnthropicUsage,
});
export type AnthropicAnswer = z.infer<typeof AnthropicAnswer>;

export const AnthropicErrorBody = z.object({
  type: z.literal("error"),
  error: z.object({
    type: z.string(),
    message: z.string(),
    /** The field at fault; not Anthropic's. */
    param: z.string().optional(),
  }),
  request_id: z.string().optional(),
});
export type AnthropicErrorBody = z.infer<typeof AnthropicErrorBody>;

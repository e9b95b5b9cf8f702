// From a chat request to what a chat template reads.
import type { ChatCompletionRequest, ChatMessage, ContentPart } from "@dyn/protocol";
import type { ChatTemplateInput } from "@dyn/tokenizer";

export function toTemplateInput(
  request: ChatCompletionRequest,
  settings: { readonly excludeToolsWhenToolChoiceNone: boolean },
): ChatTemplateInput {
  const isExcluded = request.tool_choice === "none" && settings.excludeToolsWhenToolChoiceNone;
  const withTools = request.tools != null && !isExcluded;
  const continues = request.continue_final_message === true;
  return {
    messages: request.messages.map(toTemplateMessage),
    ...(withTools ? { tools: request.tools! } : {}),
    addGenerationPrompt: request.add_generation_prompt ?? !continues,
    continueFinalMessage: continues,
    variables: {
      ...thinkingVariables(request),
      ...request.chat_template_args,
      ...request.chat_template_kwargs,
    },
  };
}

/** `reasoning` takes the name that templates read, and a refusal is text to them. Plain messages are as they should be. */
function toTemplateMessage(message: ChatMessage): Readonly<Record<string, unknown>> {
  if (typeof message.content === "string" && !("reasoning" in message)) return message;
  const { content, reasoning, ...rest } = message as ChatMessage & { readonly reasoning?: unknown };
  return {
    ...rest,
    content: Array.isArray(content) ? content.map(toTextPart) : (content ?? null),
    ...(reasoning === undefined || "reasoning_content" in rest
      ? {}
      : { reasoning_content: reasoning }),
  };
}

function toTextPart(part: ContentPart): ContentPart {
  return part.type === "refusal" ? { type: "text", text: part.refusal } : part;
}

/** Both switches speak to the template by the names that models' templates read. */
function thinkingVariables(request: ChatCompletionRequest): Record<string, unknown> {
  const { thinking, reasoning_effort: effort } = request;
  const wanted =
    thinking != null
      ? thinking === true || (typeof thinking === "object" && thinking.type !== "disabled")
      : effort != null
        ? effort !== "none"
        : null;
  return {
    ...(effort == null ? {} : { reasoning_effort: effort }),
    ...(wanted === null
      ? {}
      : { thinking: wanted, enable_thinking: wanted, thinking_mode: wanted ? "thinking" : "chat" }),
  };
}

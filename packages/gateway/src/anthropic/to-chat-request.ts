// From a Messages request to the chat request that says the same.
import {
  type AnthropicContentBlock,
  type AnthropicMessage,
  type ChatCompletionRequest,
  type ChatMessage,
  type ContentPart,
  type CountTokensRequest,
  InvalidArgumentError,
  type MessagesRequest,
} from "@dyn/protocol";

type PromptFields = Pick<
  ChatCompletionRequest,
  "model" | "messages" | "tools" | "tool_choice" | "parallel_tool_calls" | "thinking"
>;

export interface ToChatOptions {
  /** Cut the line that some of Anthropic's clients put before their system prompt. */
  readonly stripPreamble: boolean;
}

export function messagesToChat(
  request: MessagesRequest,
  options: ToChatOptions,
): ChatCompletionRequest {
  return {
    ...promptToChat(request, options),
    max_tokens: request.max_tokens,
    ...(request.temperature == null ? {} : { temperature: request.temperature }),
    ...(request.top_p == null ? {} : { top_p: request.top_p }),
    ...(request.top_k == null ? {} : { top_k: request.top_k }),
    ...(request.stop_sequences == null || request.stop_sequences.length === 0
      ? {}
      : { stop: request.stop_sequences }),
  };
}

export function promptToChat(
  request: CountTokensRequest,
  { stripPreamble }: ToChatOptions,
): PromptFields {
  const system = systemText(request.system, stripPreamble);
  const { tool_choice: choice, tools } = request;
  const isSerial =
    choice != null && choice.type !== "none" && choice.disable_parallel_tool_use === true;
  return {
    model: request.model,
    messages: [
      ...(system === "" ? [] : [{ role: "system" as const, content: system }]),
      ...request.messages.flatMap(toChatMessages),
    ],
    ...(tools == null || tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, input_schema: parameters }) => ({
            type: "function" as const,
            function: { name, ...(description == null ? {} : { description }), parameters },
          })),
        }),
    ...(choice == null ? {} : { tool_choice: toToolChoice(choice) }),
    ...(isSerial ? { parallel_tool_calls: false } : {}),
    ...(request.thinking == null ? {} : { thinking: { type: request.thinking.type } }),
  };
}

/** A tool that is not named counts as any (Dynamo 1.6.1). */
function toToolChoice(
  choice: NonNullable<CountTokensRequest["tool_choice"]>,
): NonNullable<ChatCompletionRequest["tool_choice"]> {
  switch (choice.type) {
    case "auto":
    case "none":
      return choice.type;
    case "any":
      return "required";
    case "tool":
      return choice.name == null || choice.name === ""
        ? "required"
        : { type: "function", function: { name: choice.name } };
  }
}

/** A line of billing that changes with each request would keep the prompt from being found in any cache. */
const preamble = /^x-anthropic-billing-header:[^\n]*\n?/;

function systemText(system: CountTokensRequest["system"], stripPreamble: boolean): string {
  const parts = system == null ? [] : typeof system === "string" ? [system] : system.map(textOf);
  const kept = stripPreamble ? parts.map((part) => part.replace(preamble, "")) : parts;
  return kept.filter((part) => part !== "").join("\n");
}

function textOf({ text }: { readonly text: string }): string {
  return text;
}

/** Results of tools are messages of their own, before what the user says beside them. */
function toChatMessages(message: AnthropicMessage, position: number): ChatMessage[] {
  const { role, content } = message;
  if (typeof content === "string") return [{ role, content }];
  if (role === "assistant") return [assistantMessage(content, position)];
  if (role === "system")
    return [{ role, content: content.map((block) => partOf(block, position)) }];
  const results = content.flatMap((block): ChatMessage[] =>
    block.type === "tool_result"
      ? [{ role: "tool", tool_call_id: block.tool_use_id, content: resultContent(block.content) }]
      : [],
  );
  const parts = content
    .filter((block) => block.type !== "tool_result")
    .map((block) => partOf(block, position));
  return parts.length === 0 ? results : [...results, { role: "user", content: parts }];
}

function assistantMessage(blocks: readonly AnthropicContentBlock[], position: number): ChatMessage {
  const texts: ContentPart[] = [];
  const calls = [];
  let reasoning = "";
  for (const block of blocks) {
    if (block.type === "thinking") reasoning += block.thinking;
    else if (block.type === "tool_use") {
      calls.push({
        id: block.id,
        type: "function" as const,
        function: { name: block.name, arguments: JSON.stringify(block.input) },
      });
    } else if (block.type !== "redacted_thinking") texts.push(partOf(block, position));
  }
  return {
    role: "assistant",
    content: texts.length === 0 ? null : texts,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
  };
}

function partOf(block: AnthropicContentBlock, position: number): ContentPart {
  if (block.type === "text") return { type: "text", text: block.text };
  if (block.type === "image") return imagePart(block.source);
  throw new InvalidArgumentError(
    `messages[${position}] has a block of type ${block.type}, which its role does not take.`,
    { param: `messages[${position}].content` },
  );
}

function resultContent(
  content: Extract<AnthropicContentBlock, { type: "tool_result" }>["content"],
): string | ContentPart[] {
  if (content == null) return "";
  if (typeof content === "string") return content;
  return content.map((block) =>
    block.type === "text" ? { type: "text", text: block.text } : imagePart(block.source),
  );
}

type ImageSource = Extract<AnthropicContentBlock, { type: "image" }>["source"];

function imagePart(source: ImageSource): ContentPart {
  const url =
    source.type === "url" ? source.url : `data:${source.media_type};base64,${source.data}`;
  return { type: "image_url", image_url: { url } };
}

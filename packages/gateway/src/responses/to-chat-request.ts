// From a Responses request to the chat request that says the same. Stateless: all that was said before comes with it.
import {
  type ChatCompletionRequest,
  type ChatMessage,
  type ContentPart,
  DynError,
  InvalidArgumentError,
  type ResponsesContentPart,
  type ResponsesItem,
  type ResponsesRequest,
} from "@dyn/protocol";
import { present } from "../preprocess/present.ts";

const logprobsInclude = "message.output_text.logprobs";

/** Throws a 501 that names the field for what needs a server with a memory. */
export function responsesToChat(request: ResponsesRequest): ChatCompletionRequest {
  refuseState(request);
  const { tools, tool_choice: choice, text, reasoning } = request;
  const format = text?.format;
  const wantsLogprobs =
    request.top_logprobs != null || (request.include?.includes(logprobsInclude) ?? false);
  const maxTokens = request.max_output_tokens ?? request.max_tokens;
  return {
    model: request.model,
    messages: toMessages(request),
    ...present({
      stream: request.stream,
      temperature: request.temperature,
      top_p: request.top_p,
      parallel_tool_calls: request.parallel_tool_calls,
      reasoning_effort: reasoning?.effort,
      max_completion_tokens: maxTokens,
      nvext: request.nvext,
    }),
    ...(wantsLogprobs ? { logprobs: true, top_logprobs: request.top_logprobs ?? 0 } : {}),
    ...(tools == null || tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, parameters, strict }) => ({
            type: "function" as const,
            function: { name, ...present({ description, parameters, strict }) },
          })),
        }),
    ...(choice == null
      ? {}
      : {
          tool_choice:
            typeof choice === "string"
              ? choice
              : { type: "function" as const, function: { name: choice.name } },
        }),
    ...(format == null || format.type === "text"
      ? {}
      : format.type === "json_object"
        ? { response_format: { type: "json_object" as const } }
        : {
            response_format: {
              type: "json_schema" as const,
              json_schema: { name: format.name, schema: format.schema },
            },
          }),
  };
}

function refuseState(request: ResponsesRequest): void {
  const asked = [
    [
      "previous_response_id",
      request.previous_response_id != null,
      "Send the whole conversation as input.",
    ],
    ["conversation", request.conversation != null, "Send the whole conversation as input."],
    ["background", request.background === true, "Leave it out and wait for the answer."],
    [
      "max_tool_calls",
      request.max_tool_calls != null,
      "It bounds tools that this server does not run.",
    ],
    ["prompt", request.prompt != null, "Send the text as input and instructions."],
  ] as const;
  for (const [param, isAsked, remedy] of asked) {
    if (!isAsked) continue;
    throw new DynError(`${param} is not supported: this server keeps no responses. ${remedy}`, {
      code: "DYN_GATEWAY_UNSUPPORTED_VALUE",
      status: 501,
      param,
    });
  }
}

function toMessages({ instructions, input }: ResponsesRequest): ChatMessage[] {
  const messages: ChatMessage[] =
    instructions == null || instructions === "" ? [] : [{ role: "system", content: instructions }];
  if (typeof input === "string") return [...messages, { role: "user", content: input }];
  const turns = new TurnCollector(messages);
  for (const [position, item] of input.entries()) turns.add(item, position);
  const all = turns.finish();
  if (all.length === (instructions == null || instructions === "" ? 0 : 1)) {
    throw new InvalidArgumentError("input has nothing to answer. Send a message.", {
      param: "input",
    });
  }
  return all;
}

type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;

/** Reasoning, text and calls that follow each other are one turn of the assistant. */
class TurnCollector {
  readonly #messages: ChatMessage[];
  #turn: {
    reasoning: string;
    parts: ContentPart[];
    calls: NonNullable<AssistantMessage["tool_calls"]>;
  } | null = null;

  constructor(messages: ChatMessage[]) {
    this.#messages = messages;
  }

  add(item: ResponsesItem, position: number): void {
    switch (item.type) {
      case "function_call":
        this.#openTurn().calls.push({
          id: item.call_id,
          type: "function",
          function: { name: item.name, arguments: item.arguments },
        });
        return;
      case "reasoning": {
        // A turn begins with its reasoning.
        if (this.#turn !== null && (this.#turn.parts.length > 0 || this.#turn.calls.length > 0)) {
          this.#closeTurn();
        }
        const texts = item.content?.length ? item.content : (item.summary ?? []);
        this.#openTurn().reasoning += texts.map(({ text }) => text).join("\n");
        return;
      }
      case "function_call_output":
        this.#closeTurn();
        this.#messages.push({
          role: "tool",
          tool_call_id: item.call_id,
          content: toContent(item.output, position),
        });
        return;
      case "item_reference":
        throw new DynError(
          `input[${position}] refers to the item ${item.id}, but this server keeps no items. Send the item itself.`,
          { code: "DYN_GATEWAY_UNSUPPORTED_VALUE", status: 501, param: `input[${position}]` },
        );
      default: {
        if (item.role !== "assistant") {
          this.#closeTurn();
          this.#messages.push({ role: item.role, content: toContent(item.content, position) });
          return;
        }
        const turn = this.#openTurn();
        const content = toContent(item.content, position);
        turn.parts.push(
          ...(typeof content === "string" ? [{ type: "text" as const, text: content }] : content),
        );
      }
    }
  }

  finish(): ChatMessage[] {
    this.#closeTurn();
    return this.#messages;
  }

  #openTurn() {
    this.#turn ??= { reasoning: "", parts: [], calls: [] };
    return this.#turn;
  }

  #closeTurn(): void {
    const turn = this.#turn;
    this.#turn = null;
    if (turn === null) return;
    this.#messages.push({
      role: "assistant",
      content: turn.parts.length === 0 ? null : turn.parts,
      ...(turn.calls.length === 0 ? {} : { tool_calls: turn.calls }),
      ...(turn.reasoning === "" ? {} : { reasoning_content: turn.reasoning }),
    });
  }
}

function toContent(
  content: string | readonly ResponsesContentPart[],
  position: number,
): string | ContentPart[] {
  if (typeof content === "string") return content;
  return content.map((part, i) => toPart(part, `input[${position}].content[${i}]`));
}

function toPart(part: ResponsesContentPart, param: string): ContentPart {
  switch (part.type) {
    case "input_text":
    case "output_text":
      return { type: "text", text: part.text };
    case "refusal":
      return { type: "refusal", refusal: part.refusal };
    case "input_image":
      if (part.image_url == null) break;
      throw new InvalidArgumentError(
        `${param} is of type input_image, but this model reads text alone. Send text.`,
        { param: `${param}.type` },
      );
    case "input_file":
      break;
  }
  throw new InvalidArgumentError(
    `${param} is of type ${part.type} by file, but this server keeps no files. Send text.`,
    { param },
  );
}

import { type ChatCompletionRequest, DynError, InvalidArgumentError } from "@dyn/protocol";
import { notSupportedYet } from "../errors/gateway-errors.ts";
import { checkSharedRules } from "./check-shared-rules.ts";

/** The rules between fields, and the fields that this server cannot honour. */
export function checkChatRequest(request: ChatCompletionRequest): void {
  checkSharedRules(request);
  checkFields(request);
  refuseUnsupported(request);
  checkMessages(request);
}

function checkFields(request: ChatCompletionRequest): void {
  if (request.prompt_logprobs != null && request.stream === true) {
    throw new InvalidArgumentError(
      "prompt_logprobs come with a whole answer, but stream is true. Leave one of them out.",
      { param: "prompt_logprobs" },
    );
  }
  if (request.detokenize === false && request.tools != null) {
    throw new InvalidArgumentError(
      "tools are set, but detokenize is false: calls are found in text. Leave one of them out.",
      { param: "detokenize" },
    );
  }
  if (request.top_logprobs != null && request.logprobs !== true) {
    throw new InvalidArgumentError("top_logprobs needs logprobs: true.", { param: "top_logprobs" });
  }
  if (request.chat_template_kwargs != null && request.chat_template_args != null) {
    throw new InvalidArgumentError(
      "chat_template_kwargs and chat_template_args are two names of one field: send one of them.",
      { param: "chat_template_args" },
    );
  }
  if (request.continue_final_message === true && request.add_generation_prompt === true) {
    throw new InvalidArgumentError(
      "continue_final_message leaves the last message open and add_generation_prompt begins a new one: set one of them.",
      { param: "continue_final_message" },
    );
  }
  const named = typeof request.tool_choice === "object" ? request.tool_choice?.function.name : null;
  const isForced = named != null || request.tool_choice === "required";
  if (isForced && request.tools == null) {
    throw new InvalidArgumentError("tool_choice asks for a tool call, but tools is missing.", {
      param: "tool_choice",
    });
  }
  if (named != null && !request.tools?.some((tool) => tool.function.name === named)) {
    throw new InvalidArgumentError(
      `tool_choice names ${JSON.stringify(named)}, which is none of the tools.`,
      { param: "tool_choice" },
    );
  }
}

function refuseUnsupported(request: ChatCompletionRequest): void {
  for (const field of ["functions", "function_call"] as const) {
    if (request[field] != null) {
      throw new DynError(`${field} is not supported: use tools and tool_choice.`, {
        code: "DYN_GATEWAY_UNSUPPORTED_VALUE",
        status: 501,
        param: field,
      });
    }
  }
  if (request.modalities?.includes("audio") || request.audio != null) {
    throw notSupportedYet("audio output", 'Leave audio out and set modalities to ["text"].');
  }
  if (request.web_search_options != null) {
    throw notSupportedYet("web_search_options", "Leave it out.");
  }
}

function checkMessages(request: ChatCompletionRequest): void {
  request.messages.forEach((message, i) => {
    if (Array.isArray(message.content)) {
      message.content.forEach((part, j) => {
        if (part.type !== "text" && part.type !== "refusal") {
          throw new InvalidArgumentError(
            `messages[${i}].content[${j}] is of type ${part.type}, but this model reads text alone. Send text.`,
            { param: `messages[${i}].content[${j}].type` },
          );
        }
      });
    }
    if (message.role !== "assistant") return;
    message.tool_calls?.forEach((call, j) => {
      const { arguments: args } = call.function;
      if (typeof args === "string" && !isJson(args)) {
        throw new InvalidArgumentError(
          `messages[${i}].tool_calls[${j}].function.arguments is not valid JSON. Send the arguments as JSON text, or as an object.`,
          { param: `messages[${i}].tool_calls[${j}].function.arguments` },
        );
      }
    });
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

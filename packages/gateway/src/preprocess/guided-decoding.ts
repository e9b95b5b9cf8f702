// The form that an answer must have, in the wire's words: from response_format, guided_* or a forced tool call.
import {
  type ChatCompletionRequest,
  type GuidedDecoding,
  InvalidArgumentError,
  type SamplingRequest,
} from "@dyn/protocol";

const guidedFields = ["guided_json", "guided_regex", "guided_choice", "guided_grammar"] as const;

/** `null`: free text. Throws when two forms are asked for. */
export function guidedOf(request: SamplingRequest): GuidedDecoding | null {
  const given = guidedFields.filter((field) => request[field] != null);
  if (given.length > 1) throw twoForms(given);
  if (given.length === 0) return null;
  return withSettings(request, {
    ...(request.guided_json == null ? {} : { json: request.guided_json }),
    ...(request.guided_regex == null ? {} : { regex: request.guided_regex }),
    ...(request.guided_choice == null ? {} : { choice: request.guided_choice }),
    ...(request.guided_grammar == null ? {} : { grammar: request.guided_grammar }),
  });
}

export function guidedOfChat(request: ChatCompletionRequest): GuidedDecoding | null {
  const guided = guidedOf(request);
  const format = request.response_format;
  const isFormed = format != null && format.type !== "text";
  const isForced = forcedTools(request) !== null;
  if (guided !== null && (isFormed || isForced)) {
    const field = guidedFields.find((name) => request[name] != null)!;
    throw twoForms([field, isForced ? "tool_choice" : "response_format"]);
  }
  if (guided !== null) return guided;
  // A call that must be made has a form of its own: response_format speaks of the text.
  if (isForced) return withSettings(request, { json: forcedCallSchema(request) });
  if (!isFormed) return null;
  return withSettings(request, {
    json: format.type === "json_schema" ? format.json_schema.schema : { type: "object" },
  });
}

/** The field of the client that the form comes from; `null`: there is none. */
export function formFieldOf(
  request: SamplingRequest &
    Partial<Pick<ChatCompletionRequest, "response_format" | "tools" | "tool_choice">>,
): string | null {
  const guided = guidedFields.find((field) => request[field] != null);
  if (guided !== undefined) return guided;
  const { tool_choice: choice } = request;
  if (request.tools != null && (choice === "required" || typeof choice === "object"))
    return "tools";
  return request.response_format != null && request.response_format.type !== "text"
    ? "response_format"
    : null;
}

/** The tools of which one must be called; `null` when none must. */
export function forcedTools(request: ChatCompletionRequest): ChatCompletionRequest["tools"] {
  const { tool_choice: choice, tools } = request;
  if (tools == null) return null;
  if (choice === "required") return tools;
  if (typeof choice !== "object" || choice === null) return null;
  return tools.filter((tool) => tool.function.name === choice.function.name);
}

/** A named tool: its parameters. Else a list of calls, one alone when calls must not be parallel. */
function forcedCallSchema(request: ChatCompletionRequest): Record<string, unknown> {
  const tools = forcedTools(request)!;
  const parametersOf = ({ function: it }: (typeof tools)[number]) =>
    it.parameters ?? { type: "object", properties: {} };
  if (request.tool_choice !== "required") return parametersOf(tools[0]!);
  return {
    type: "array",
    minItems: 1,
    ...(request.parallel_tool_calls === false ? { maxItems: 1 } : {}),
    items: {
      type: "object",
      anyOf: tools.map((tool) => ({
        properties: {
          name: { type: "string", enum: [tool.function.name] },
          parameters: parametersOf(tool),
        },
        required: ["name", "parameters"],
      })),
    },
  };
}

function withSettings(request: SamplingRequest, guided: GuidedDecoding): GuidedDecoding {
  return {
    ...guided,
    ...(request.guided_decoding_backend == null
      ? {}
      : { backend: request.guided_decoding_backend }),
    ...(request.guided_whitespace_pattern == null
      ? {}
      : { whitespace_pattern: request.guided_whitespace_pattern }),
  };
}

function twoForms(fields: readonly string[]): InvalidArgumentError {
  return new InvalidArgumentError(
    `Only one constraint on the form of the answer can be set, but ${fields.join(" and ")} are. Leave all but one out.`,
    { param: fields[0]! },
  );
}

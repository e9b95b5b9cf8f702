// Messages as a template expects them. Never changes the caller's objects.
import { templateRenderError } from "./template-error.ts";
import type { TemplateTraits } from "./template-traits.ts";

type Message = Readonly<Record<string, unknown>>;

export function prepareMessages(messages: readonly Message[], traits: TemplateTraits): Message[] {
  return messages.map((message, index) => {
    let prepared = message;
    if (Array.isArray(message.content) && !traits.iteratesContent) {
      prepared = { ...prepared, content: joinTextParts(message.content, index) };
    }
    if (Array.isArray(message.tool_calls) && !traits.testsArgumentsForString) {
      prepared = { ...prepared, tool_calls: message.tool_calls.map(parseArguments) };
    }
    return prepared;
  });
}

function joinTextParts(parts: readonly unknown[], index: number): string {
  const texts = parts.map((part, partIndex) => {
    if (isRecord(part) && typeof part.text === "string") return part.text;
    const type = isRecord(part) ? part.type : typeof part;
    const where = `messages[${index}].content[${partIndex}]`;
    throw templateRenderError(
      `${where} is of type ${JSON.stringify(type)}, but this model's chat template reads text only. Send parts of type "text".`,
      where,
    );
  });
  return texts.join("\n");
}

/** The OpenAI API sends arguments as JSON text, templates written for transformers expect the object. */
function parseArguments(call: unknown): unknown {
  if (!isRecord(call)) return call;
  const holder = isRecord(call.function) ? call.function : call;
  if (typeof holder.arguments !== "string") return call;
  let value: unknown;
  try {
    value = JSON.parse(holder.arguments);
  } catch {
    // Text that a model wrote and that is not JSON stays text.
    return call;
  }
  if (!isRecord(value)) return call;
  const parsed = { ...holder, arguments: value };
  return holder === call ? parsed : { ...call, function: parsed };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

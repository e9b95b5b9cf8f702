// Chunks of a chat joined to the whole answer: a unary answer is the sum of its stream.
import { type ChatCompletion, type ChatCompletionChunk, InternalError } from "@dyn/protocol";

type ChunkChoice = ChatCompletionChunk["choices"][number];
type WholeChoice = ChatCompletion["choices"][number];
type ReasoningField = "reasoning_content" | "reasoning";

export class ChatFold {
  readonly #reasoningField: ReasoningField;
  readonly #choices = new Map<number, WholeChoice>();
  #head: Pick<ChatCompletion, "id" | "created" | "model"> | null = null;
  #usage: ChatCompletion["usage"] = null;

  constructor(reasoningField: ReasoningField) {
    this.#reasoningField = reasoningField;
  }

  add(chunk: ChatCompletionChunk): void {
    const { id, created, model } = chunk;
    this.#head ??= { id, created, model };
    this.#usage = chunk.usage ?? this.#usage;
    for (const choice of chunk.choices) this.#choices.set(choice.index, this.#join(choice));
  }

  /** Choices by index; all of them must have their end. */
  whole(): ChatCompletion {
    if (this.#head === null) throw new InternalError("There is no chunk to make an answer of.");
    const choices = [...this.#choices.values()].sort((a, b) => a.index - b.index);
    return { ...this.#head, object: "chat.completion", choices, usage: this.#usage };
  }

  #join({ index, delta, finish_reason: finish, stop_reason: stop, logprobs }: ChunkChoice) {
    const before = this.#choices.get(index);
    const { tool_calls: calls } = delta;
    const reasoning = delta[this.#reasoningField] ?? "";
    const message = before?.message ?? { content: null, refusal: null, role: "assistant" as const };
    const content = (message.content ?? "") + (delta.content ?? "");
    const thought = (message[this.#reasoningField] ?? "") + reasoning;
    const tokens = [...(before?.logprobs?.content ?? []), ...(logprobs?.content ?? [])];
    return {
      index,
      message: {
        ...message,
        content: content === "" ? null : content,
        ...(calls === undefined ? {} : { tool_calls: joinCalls(message.tool_calls, calls) }),
        ...(thought === "" ? {} : { [this.#reasoningField]: thought }),
      },
      // The type of a whole one; `whole` is asked when it is.
      finish_reason: (finish ?? before?.finish_reason ?? null) as WholeChoice["finish_reason"],
      ...((stop ?? before?.stop_reason) == null
        ? {}
        : { stop_reason: stop ?? before?.stop_reason }),
      logprobs:
        logprobs == null && before?.logprobs == null ? null : { content: tokens, refusal: null },
    };
  }
}

type Calls = NonNullable<WholeChoice["message"]["tool_calls"]>;

function joinCalls(
  before: Calls | undefined,
  parts: NonNullable<ChunkChoice["delta"]["tool_calls"]>,
): Calls {
  const calls = [...(before ?? [])];
  for (const { index, id, function: part } of parts) {
    const call = calls[index];
    calls[index] =
      call === undefined
        ? {
            id: id ?? "",
            type: "function",
            function: { name: part.name ?? "", arguments: part.arguments },
          }
        : {
            ...call,
            function: {
              ...call.function,
              arguments: call.function.arguments + part.arguments,
            },
          };
  }
  return calls;
}

// An answer as Anthropic's stream of events. It ends behind message_stop; there is no [DONE].
import type { AnthropicUsage } from "@dyn/protocol";
import type { SseWriter } from "../http/sse-writer.ts";
import type { AnswerBlock, AnswerEnd, BlockListener } from "../postprocess/answer-blocks.ts";
import { toStop } from "./answer-parts.ts";

export class MessageEvents implements BlockListener {
  readonly #writer: SseWriter;
  readonly #head: { readonly id: string; readonly model: string };
  readonly #usage: () => AnthropicUsage;

  constructor(options: {
    readonly writer: SseWriter;
    readonly head: { readonly id: string; readonly model: string };
    readonly usage: () => AnthropicUsage;
  }) {
    this.#writer = options.writer;
    this.#head = options.head;
    this.#usage = options.usage;
  }

  begun(): void {
    const { id, model } = this.#head;
    this.#write("message_start", {
      message: {
        id,
        type: "message",
        role: "assistant",
        content: [],
        model,
        stop_reason: null,
        stop_sequence: null,
        usage: { ...this.#usage(), output_tokens: 0 },
      },
    });
  }

  opened({ index, kind, call }: AnswerBlock): void {
    const content_block =
      kind === "text"
        ? { type: "text", text: "" }
        : kind === "reasoning"
          ? { type: "thinking", thinking: "", signature: "" }
          : { type: "tool_use", id: call!.id, name: call!.name, input: {} };
    this.#write("content_block_start", { index, content_block });
  }

  grew({ index, kind }: AnswerBlock, added: string): void {
    if (added === "") return;
    const delta =
      kind === "text"
        ? { type: "text_delta", text: added }
        : kind === "reasoning"
          ? { type: "thinking_delta", thinking: added }
          : { type: "input_json_delta", partial_json: added };
    this.#write("content_block_delta", { index, delta });
  }

  closed({ index }: AnswerBlock): void {
    this.#write("content_block_stop", { index });
  }

  /** All is said. */
  end(end: AnswerEnd): void {
    this.#writer.end(
      event("message_delta", { delta: toStop(end), usage: this.#usage() }) +
        event("message_stop", {}),
    );
  }

  #write(type: string, fields: object): void {
    this.#writer.write(event(type, fields));
  }
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

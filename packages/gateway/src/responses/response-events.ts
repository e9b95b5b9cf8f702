// An answer as the Responses API's stream of events, each with its number.
import type { ChatTokenLogprob, CompletionUsage } from "@dyn/protocol";
import { errorToBody } from "../errors/error-to-body.ts";
import { doneEvent } from "../http/sse-events.ts";
import type { SseWriter } from "../http/sse-writer.ts";
import type { AnswerBlock, AnswerEnd, BlockListener } from "../postprocess/answer-blocks.ts";
import {
  itemIdOf,
  type ResponseHead,
  toEndState,
  toItem,
  toResponse,
  toTextPart,
} from "./response-object.ts";

export class ResponseEvents implements BlockListener {
  readonly #writer: SseWriter;
  readonly #head: ResponseHead;
  readonly #usage: () => CompletionUsage | null;
  readonly #items: unknown[] = [];
  /** Closed, and its last words wait for how the answer ends. */
  #last: AnswerBlock | null = null;
  #sequence = 0;

  constructor(options: {
    readonly writer: SseWriter;
    readonly head: ResponseHead;
    /** `null`: the worker did not say. */
    readonly usage: () => CompletionUsage | null;
  }) {
    this.#writer = options.writer;
    this.#head = options.head;
    this.#usage = options.usage;
  }

  begun(): void {
    const response = toResponse(this.#head, { status: "in_progress", output: [], usage: null });
    this.#write("response.created", { response });
    this.#write("response.in_progress", { response });
  }

  opened(block: AnswerBlock): void {
    this.#tellItemDone("completed");
    this.#write("response.output_item.added", {
      output_index: block.index,
      item: toItem(this.#head, block, "in_progress"),
    });
    if (block.kind === "call") return;
    const part =
      block.kind === "text"
        ? { type: "output_text", text: "", annotations: [], logprobs: [] }
        : { type: "reasoning_text", text: "" };
    this.#write("response.content_part.added", { ...this.#place(block), part });
  }

  grew(block: AnswerBlock, added: string, tokens: readonly ChatTokenLogprob[]): void {
    if (block.kind === "text") {
      this.#write("response.output_text.delta", {
        ...this.#place(block),
        delta: added,
        logprobs: tokens,
      });
    } else if (block.kind === "reasoning") {
      this.#write("response.reasoning_text.delta", { ...this.#place(block), delta: added });
    } else {
      this.#write("response.function_call_arguments.delta", {
        ...this.#item(block),
        delta: added,
      });
    }
  }

  closed(block: AnswerBlock): void {
    this.#last = block;
  }

  /** All is said. */
  end(end: AnswerEnd): void {
    const { status, incompleteReason } = toEndState(end);
    this.#tellItemDone(status);
    const response = toResponse(this.#head, {
      status,
      incompleteReason,
      output: this.#items,
      usage: this.#usage(),
    });
    this.#writer.end(this.#event(`response.${status}`, { response }) + doneEvent);
  }

  /** The events that end a stream whose request failed. */
  failed(error: unknown): string {
    const { message, code } = errorToBody(error).error;
    const response = toResponse(this.#head, {
      status: "failed",
      output: this.#items,
      usage: null,
      error: { code: code ?? "server_error", message },
    });
    return this.#event("response.failed", { response }) + doneEvent;
  }

  #tellItemDone(status: "completed" | "incomplete"): void {
    const block = this.#last;
    this.#last = null;
    if (block === null) return;
    const place = this.#place(block);
    if (block.kind === "text") {
      const part = toTextPart(block);
      const { text, logprobs } = part;
      this.#write("response.output_text.done", { ...place, text, logprobs });
      this.#write("response.content_part.done", { ...place, part });
    } else if (block.kind === "reasoning") {
      const { text } = block;
      this.#write("response.reasoning_text.done", { ...place, text });
      this.#write("response.content_part.done", {
        ...place,
        part: { type: "reasoning_text", text },
      });
    } else {
      this.#write("response.function_call_arguments.done", {
        ...this.#item(block),
        name: block.call!.name,
        arguments: block.text,
      });
    }
    const item = toItem(this.#head, block, status);
    this.#items.push(item);
    this.#write("response.output_item.done", { output_index: block.index, item });
  }

  #item(block: AnswerBlock) {
    return { item_id: itemIdOf(this.#head, block), output_index: block.index };
  }

  #place(block: AnswerBlock) {
    return { ...this.#item(block), content_index: 0 };
  }

  #write(type: string, fields: object): void {
    this.#writer.write(this.#event(type, fields));
  }

  #event(type: string, fields: object): string {
    const json = JSON.stringify({ type, sequence_number: this.#sequence++, ...fields });
    return `event: ${type}\ndata: ${json}\n\n`;
  }
}

// Deltas as server-sent events. What every chunk repeats is written once and joined by concatenation.
import type { CompletionUsage } from "@dyn/protocol";
import { doneEvent } from "../http/sse-events.ts";
import type { SseWriter } from "../http/sse-writer.ts";
import type { AnswerExtras } from "./answer-extras.ts";
import type { AnswerHead } from "./answer-head.ts";
import type { ChoiceAssembler } from "./choice-assembler.ts";
import type { ChoiceDelta } from "./choice-delta.ts";
import type { DispatchEvents } from "./dispatch-events.ts";
import type { DeltaSink } from "./run-prompt.ts";

export interface StreamSinkOptions {
  readonly writer: SseWriter;
  readonly head: AnswerHead;
  /** `chat.completion.chunk` or `text_completion` */
  readonly object: string;
  /** The choice object of one chunk, as JSON. */
  readonly formatChoice: (index: number, delta: ChoiceDelta, isFirst: boolean) => string;
  /** A chunk before a choice's first one; `null`: none. */
  readonly openChoice?: ((index: number) => string) | null;
  readonly currentUsage: () => CompletionUsage;
  /** One more chunk with the usage and no choices before the end. */
  readonly includeUsage: boolean;
  /** Usage so far on each chunk. */
  readonly continuousUsage: boolean;
  /** Events before the first chunk. */
  readonly firstEvents?: string;
  readonly extras?: AnswerExtras | null;
  readonly dispatch?: DispatchEvents | null;
}

export class StreamSink implements DeltaSink {
  readonly #options: StreamSinkOptions;
  readonly #begun = new Set<number>();
  readonly #before: string;
  readonly #after: string;

  constructor(options: StreamSinkOptions) {
    this.#options = options;
    const { id, created, model } = options.head;
    this.#before = `data: {"id":${JSON.stringify(id)},"choices":[`;
    this.#after = `],"created":${created},"model":${JSON.stringify(model)},"object":${JSON.stringify(options.object)}`;
  }

  get isFull(): boolean {
    return this.#options.writer.isFull;
  }

  drained(): Promise<void> {
    return this.#options.writer.drained();
  }

  accept({ index }: ChoiceAssembler, delta: ChoiceDelta): void {
    const { writer, formatChoice, continuousUsage, firstEvents = "", extras } = this.#options;
    if (firstEvents !== "" && this.#begun.size === 0) writer.write(firstEvents);
    let isFirst = !this.#begun.has(index);
    if (isFirst) this.#begun.add(index);
    if (isFirst && this.#options.openChoice != null) {
      writer.write(`${this.#before}${this.#options.openChoice(index)}${this.#after}}\n\n`);
      isFirst = false;
    }
    const events = this.#options.dispatch?.before(index, delta) ?? "";
    if (events !== "") writer.write(events);
    const choice = formatChoice(index, delta, isFirst);
    const usage = continuousUsage ? this.#usage() : "";
    const nvext = extras == null ? null : extras.ofChunk(delta);
    const tail = nvext === null ? "" : `,"nvext":${nvext}`;
    writer.write(`${this.#before}${choice}${this.#after}${usage}${tail}}\n\n`);
  }

  /** All choices are complete. */
  end(): void {
    const { writer, includeUsage } = this.#options;
    const usage = includeUsage ? `${this.#before}${this.#after}${this.#usage()}}\n\n` : "";
    writer.end(usage + doneEvent);
  }

  #usage(): string {
    return `,"usage":${JSON.stringify(this.#options.currentUsage())}`;
  }
}

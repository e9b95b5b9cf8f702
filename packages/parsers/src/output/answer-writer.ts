// What is said of an answer, in order. Joins neighbours of one kind and holds the rules of calls: one at a time,
// ids that never repeat, the first only where calls may not be parallel.

import type { ParserEvent } from "../contract/parser-event.ts";
import type { CallIdGenerator } from "../contract/parser-options.ts";

export interface AnswerWriterOptions {
  readonly idGenerator: CallIdGenerator;
  readonly isParallel: boolean;
  readonly isWhole: boolean;
}

interface OpenCall {
  readonly name: string;
  readonly nativeId: string | null;
  /** Calls behind the first where only one may be: read, and said nothing of. */
  readonly isDropped: boolean;
  isStarted: boolean;
  held: string;
}

export class AnswerWriter {
  readonly #options: AnswerWriterOptions;
  readonly #ids = new Set<string>();
  #events: ParserEvent[] = [];
  #call: OpenCall | null = null;
  #callCount = 0;
  #hasCalls = false;
  #isInsideReasoning = false;

  constructor(options: AnswerWriterOptions) {
    this.#options = options;
  }

  /** A call was completed, whether it was said or dropped. */
  get hasCalls(): boolean {
    return this.#hasCalls;
  }

  /** What comes next is reasoning, as far as is known. */
  get isInsideReasoning(): boolean {
    return this.#isInsideReasoning;
  }

  enterReasoning(): void {
    this.#isInsideReasoning = true;
  }

  leaveReasoning(): void {
    this.#isInsideReasoning = false;
  }

  takeEvents(): ParserEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  content(text: string): void {
    if (text === "") return;
    this.#isInsideReasoning = false;
    const last = this.#events.at(-1);
    if (last?.type !== "content") this.#events.push({ type: "content", text });
    else this.#events[this.#events.length - 1] = { type: "content", text: last.text + text };
  }

  reasoning(text: string): void {
    if (text === "") return;
    this.#isInsideReasoning = true;
    const last = this.#events.at(-1);
    if (last?.type !== "reasoning") this.#events.push({ type: "reasoning", text });
    else this.#events[this.#events.length - 1] = { type: "reasoning", text: last.text + text };
  }

  /** A call whose name is known; it is let out with its first arguments, or at its end. */
  startCall(name: string, nativeId: string | null = null): void {
    this.#isInsideReasoning = false;
    const isDropped = !this.#options.isParallel && this.#hasCalls;
    this.#call = { name, nativeId, isDropped, isStarted: false, held: "" };
  }

  arguments(delta: string): void {
    const call = this.#call;
    if (call === null || call.isDropped || delta === "") return;
    if (this.#options.isWhole) {
      call.held += delta;
      return;
    }
    this.#letOut(call);
    this.#pushArguments(delta);
  }

  endCall(): void {
    const call = this.#call;
    this.#call = null;
    this.#hasCalls = true;
    if (call === null || call.isDropped) return;
    this.#letOut(call);
    if (call.held !== "") this.#pushArguments(call.held);
    this.#events.push({ type: "tool-call-end", index: this.#callCount - 1 });
  }

  /** The open call, if any, cannot be completed. False when its text is to be given back as content. */
  cutCall(reason: "end-of-text" | "malformed"): boolean {
    const call = this.#call;
    this.#call = null;
    if (call?.isDropped) return true;
    if (!call?.isStarted) return false;
    this.#events.push({ type: "tool-call-cut", index: this.#callCount - 1, reason });
    return reason === "end-of-text";
  }

  #letOut(call: OpenCall): void {
    if (call.isStarted) return;
    call.isStarted = true;
    const index = this.#callCount++;
    const { name, nativeId } = call;
    const id = this.#unused(this.#options.idGenerator({ name, index, nativeId }));
    this.#events.push({ type: "tool-call-start", index, id, name });
  }

  #pushArguments(delta: string): void {
    const index = this.#callCount - 1;
    const last = this.#events.at(-1);
    if (last?.type !== "tool-call-arguments") {
      this.#events.push({ type: "tool-call-arguments", index, delta });
    } else {
      this.#events[this.#events.length - 1] = {
        type: "tool-call-arguments",
        index,
        delta: last.delta + delta,
      };
    }
  }

  #unused(id: string): string {
    let unused = id;
    for (let count = 2; this.#ids.has(unused); count++) unused = `${id}-${count}`;
    this.#ids.add(unused);
    return unused;
  }
}

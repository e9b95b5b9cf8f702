// The caller's end of one response: from the first byte behind the handshake to the end marker.
// A stream that stops without its end marker is an error, never a short answer.
import type { Socket } from "node:net";
import { CancelledError, type DynError, UnavailableError } from "@dyn/protocol";
import { ByteQueue } from "../../codec/byte-queue.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import {
  encodeTwoPart,
  readTwoPartLengths,
  twoPartHeadBytes,
} from "../../codec/two-part-message.ts";
import type { Annotated } from "../request-plane.ts";
import { dynamoToError } from "./dynamo-error.ts";

type State = "prologue" | "items" | "ended";

/** Items, and bytes of items, that wait unread before the socket is paused. */
const highWaterItems = 64;
const highWaterBytes = 1024 * 1024;
/** A larger item is refused: it would have to be in memory as a whole. */
const maxMessageBytes = 256 * 1024 * 1024;

export class ResponseReceiver {
  readonly #codec: PayloadCodec;
  readonly #queue = new ByteQueue();
  readonly #items: Annotated[] = [];
  /** Encoded sizes of the unread items together. */
  #unreadBytes = 0;
  readonly #onPrologue: () => void;
  readonly #onEnd: () => void;
  #socket: Socket | null = null;
  #state: State = "prologue";
  #isComplete = false;
  /** Stop was sent: items under way are still taken, and a close is a regular end. */
  #isStopping = false;
  #error: DynError | null = null;
  #wake: (() => void) | null = null;

  /** `onPrologue`: the worker has taken the request. `onEnd`: nothing more arrives. */
  constructor(options: {
    readonly codec: PayloadCodec;
    readonly onPrologue: () => void;
    readonly onEnd?: () => void;
  }) {
    this.#codec = options.codec;
    this.#onPrologue = options.onPrologue;
    this.#onEnd = options.onEnd ?? (() => {});
  }

  get hasPrologue(): boolean {
    return this.#state !== "prologue";
  }

  get #isEnded(): boolean {
    return this.#state === "ended";
  }

  /** The worker called home; `rest` came behind its handshake. */
  attach(socket: Socket, rest: Buffer): void {
    if (this.#state === "ended") {
      socket.destroy();
      return;
    }
    if (this.#socket !== null) throw new ProtocolError("The response has its connection already.");
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#closed());
    this.#receive(rest);
    socket.resume();
  }

  /** Ends the stream from here, with what waits unread: the worker is told to give up. */
  kill(error: DynError = new CancelledError()): void {
    this.#items.length = 0;
    this.#unreadBytes = 0;
    this.#giveUp(error);
  }

  /** Items that came before are still read. */
  #giveUp(error: DynError): void {
    if (this.#isEnded) return;
    const socket = this.#socket;
    if (socket !== null && !socket.destroyed) {
      socket.end(encodeTwoPart(Buffer.from('"kill"')));
      socket.resume();
      setTimeout(() => socket.destroy(), 1_000).unref();
    }
    this.#end(error);
  }

  /** Asks the worker to finish; it may close without an end marker, which then is a regular end. */
  stop(): void {
    if (this.#isEnded) return;
    this.#isStopping = true;
    if (this.#socket === null) this.#end(null);
    else this.#socket.write(encodeTwoPart(Buffer.from('"stop"')));
  }

  async next(): Promise<IteratorResult<Annotated>> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        if (this.#items.length === 0) {
          this.#unreadBytes = 0;
          this.#socket?.resume();
        }
        return { done: false, value: item };
      }
      if (this.#state === "ended") {
        const error = this.#error;
        this.#error = null;
        if (error !== null) throw error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #receive(chunk: Buffer): void {
    // Behind the end nothing is kept.
    if (this.#isEnded) return;
    this.#queue.push(chunk);
    try {
      while (!this.#isEnded && this.#takeFrame());
    } catch (error) {
      this.#giveUp(
        error instanceof ProtocolError
          ? error
          : new ProtocolError("The response cannot be read.", error),
      );
    }
    const isFull = this.#items.length >= highWaterItems || this.#unreadBytes >= highWaterBytes;
    if (isFull && !this.#isEnded) this.#socket?.pause();
    this.#wakeReader();
  }

  /** `false` = no whole frame is there. */
  #takeFrame(): boolean {
    const head = this.#queue.peek(twoPartHeadBytes);
    if (head === null) return false;
    const { headerBytes, bodyBytes } = readTwoPartLengths(head, maxMessageBytes);
    const frame = this.#queue.take(twoPartHeadBytes + headerBytes + bodyBytes);
    if (frame === null) return false;
    const split = twoPartHeadBytes + headerBytes;
    // A frame with both parts is judged by its header; one with none says nothing.
    if (headerBytes > 0) this.#header(frame.toString("utf8", twoPartHeadBytes, split));
    else if (bodyBytes > 0) this.#body(frame.subarray(split));
    return true;
  }

  #header(text: string): void {
    if (this.#state === "prologue") {
      const prologue = JSON.parse(text) as { error?: unknown; typed_error?: unknown };
      if (prologue.error == null) {
        this.#state = "items";
        this.#onPrologue();
        return;
      }
      const fallback = String(prologue.error);
      const error =
        prologue.typed_error == null
          ? new UnavailableError(fallback, { code: "DYN_RUNTIME_DISCONNECTED" })
          : dynamoToError(prologue.typed_error, fallback);
      this.#socket?.destroy();
      this.#end(error);
    } else if (text === '"sentinel"') {
      if (!this.#isComplete && !this.#isStopping)
        throw new ProtocolError("The response ended without its end marker.");
      this.#end(null);
    } else {
      throw new ProtocolError(`The worker sent an unexpected control frame: ${text.slice(0, 100)}`);
    }
  }

  #body(bytes: Buffer): void {
    if (this.#state === "prologue")
      throw new ProtocolError("The worker sent data before its prologue.");
    const decoded = this.#codec.decode(bytes);
    const [item, isFinal] = readWrapper(decoded);
    if (this.#isComplete) throw new ProtocolError("The worker sent data behind its end marker.");
    if (item !== null) this.#item(item, bytes.length);
    if (isFinal) this.#isComplete = true;
  }

  #item(item: Annotated & { readonly error?: unknown }, sizeBytes: number): void {
    if (item.event === "error") {
      const text = item.comment?.join(" ") ?? "The worker reported an error without a text.";
      this.#giveUp(dynamoToError(item.error ?? { message: text }, text));
    } else if (item.data !== undefined || item.event !== undefined) {
      this.#items.push(item);
      this.#unreadBytes += sizeBytes;
    }
  }

  #closed(): void {
    if (this.#isComplete || this.#isStopping) this.#end(null);
    else {
      this.#end(
        new UnavailableError("The worker's response broke off before its end.", {
          code: "DYN_RUNTIME_DISCONNECTED",
        }),
      );
    }
  }

  #end(error: DynError | null): void {
    if (this.#isEnded) return;
    this.#state = "ended";
    this.#error = error;
    this.#queue.take(this.#queue.length);
    if (error === null) this.#socket?.end();
    this.#socket?.resume();
    this.#onEnd();
    this.#wakeReader();
  }

  #wakeReader(): void {
    if (this.#items.length === 0 && !this.#isEnded) return;
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** `{data, complete_final}`, or the same as a positional array. */
function readWrapper(value: unknown): [item: Annotated | null, isFinal: boolean] {
  const wrapper = Array.isArray(value) ? { data: value[0], complete_final: value[1] } : value;
  if (typeof wrapper !== "object" || wrapper === null || !("complete_final" in wrapper)) {
    throw new ProtocolError("A response body has no complete_final.");
  }
  const data = "data" in wrapper ? wrapper.data : null;
  if (typeof data !== "object") throw new ProtocolError("The data of a response body is no map.");
  const item: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(data ?? {})) if (field !== null) item[key] = field;
  return [data === null ? null : item, wrapper.complete_final === true];
}

// The caller's reading of one response from its own connection: from the first byte behind the handshake to the end
// marker. A stream that stops without its end marker is an error, never a short answer.
import type { Socket } from "node:net";
import { UnavailableError } from "@dyn/protocol";
import { ByteQueue } from "../../codec/byte-queue.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import {
  encodeTwoPart,
  readTwoPartLengths,
  twoPartHeadBytes,
} from "../../codec/two-part-message.ts";
import type { Answer, AnswerCarrier } from "../answer/answer.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import { maxMessageBytes } from "../answer/max-message-bytes.ts";
import type { Annotated } from "../request-plane.ts";
import { dynamoToError } from "./dynamo-error.ts";

/** Items, and bytes of items, that wait unread before the socket is paused. */
const highWaterItems = 64;
const highWaterBytes = 1024 * 1024;
const annotations: ReadonlySet<string> = new Set(["data", "id", "event", "comment", "error"]);

export class ResponseReceiver implements AnswerCarrier {
  readonly #socket: Socket;
  readonly #answer: Answer;
  readonly #codec: PayloadCodec;
  readonly #queue = new ByteQueue();
  #isComplete = false;
  heardMs = performance.now();

  private constructor(socket: Socket, answer: Answer, codec: PayloadCodec) {
    this.#socket = socket;
    this.#answer = answer;
    this.#codec = codec;
  }

  /** The worker called home; `rest` came behind its handshake. */
  static attach(socket: Socket, rest: Buffer, answer: Answer, codec: PayloadCodec): void {
    const receiver = new ResponseReceiver(socket, answer, codec);
    if (!answer.carriedBy(receiver)) {
      socket.destroy();
      return;
    }
    socket.on("data", (chunk) => receiver.#receive(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => receiver.#closed());
    receiver.#receive(rest);
    socket.resume();
  }

  drained(): void {
    this.#socket.resume();
  }

  stop(): void {
    this.#socket.write(encodeTwoPart(Buffer.from('"stop"')));
  }

  release(isKilled: boolean): void {
    const socket = this.#socket;
    this.#queue.take(this.#queue.length);
    if (socket.destroyed) return;
    if (isKilled) {
      socket.end(encodeTwoPart(Buffer.from('"kill"')));
      setTimeout(() => socket.destroy(), 1_000).unref();
    } else socket.end();
    socket.resume();
  }

  #receive(chunk: Buffer): void {
    this.heardMs = performance.now();
    // Behind the end nothing is kept.
    if (this.#answer.isEnded) return;
    this.#queue.push(chunk);
    try {
      while (!this.#answer.isEnded && this.#takeFrame());
    } catch (error) {
      this.#answer.giveUp(
        error instanceof ProtocolError
          ? error
          : new ProtocolError("The response cannot be read.", error),
      );
    }
    const { unreadCount, unreadWeight, isEnded } = this.#answer;
    const isFull = unreadCount >= highWaterItems || unreadWeight >= highWaterBytes;
    if (isFull && !isEnded) this.#socket.pause();
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
    if (!this.#answer.hasBegun) {
      const prologue = JSON.parse(text) as { error?: unknown; typed_error?: unknown };
      if (prologue.error == null) {
        this.#answer.begin();
        return;
      }
      const fallback = String(prologue.error);
      const error =
        prologue.typed_error == null
          ? new UnavailableError(fallback, { code: "DYN_RUNTIME_DISCONNECTED" })
          : dynamoToError(prologue.typed_error, fallback);
      this.#socket.destroy();
      this.#answer.end(error);
    } else if (text === '"sentinel"') {
      if (!this.#isComplete && !this.#answer.isStopping)
        throw new ProtocolError("The response ended without its end marker.");
      this.#answer.end(null);
    } else {
      throw new ProtocolError(`The worker sent an unexpected control frame: ${text.slice(0, 100)}`);
    }
  }

  #body(bytes: Buffer): void {
    if (!this.#answer.hasBegun)
      throw new ProtocolError("The worker sent data before its prologue.");
    const [item, isFinal] = readWrapper(this.#codec.decode(bytes));
    if (this.#isComplete) throw new ProtocolError("The worker sent data behind its end marker.");
    if (item !== null) this.#item(item, bytes.length);
    if (isFinal) this.#isComplete = true;
  }

  #item(item: Annotated & { readonly error?: unknown }, sizeBytes: number): void {
    if (item.event === "error") {
      const text = item.comment?.join(" ") ?? "The worker reported an error without a text.";
      this.#answer.giveUp(dynamoToError(item.error ?? { message: text }, text));
    } else if (item.data !== undefined || item.event !== undefined) {
      this.#answer.push(item, sizeBytes);
    } else if (isBare(item)) {
      this.#answer.push({ data: item }, sizeBytes);
    }
  }

  #closed(): void {
    this.#answer.end(this.#isComplete || this.#answer.isStopping ? null : brokenAnswer());
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

/** Some of Dynamo's endpoints send data as it is, without the map that sets it apart from events. */
function isBare(item: object): boolean {
  const keys = Object.keys(item);
  return keys.length > 0 && !keys.some((key) => annotations.has(key));
}

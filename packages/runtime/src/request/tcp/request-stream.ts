// The items that a caller sends while it is answered (Dynamo 1.6.1's `many_in`): the worker dials, the caller sends bare
// items and an end marker. Back-pressure both ways is the connection's.
import type { Socket } from "node:net";
import { DynError } from "@dyn/protocol";
import { ByteQueue } from "../../codec/byte-queue.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import {
  encodeTwoPart,
  readTwoPartLengths,
  twoPartHeadBytes,
} from "../../codec/two-part-message.ts";
import { Answer, type AnswerCarrier } from "../answer/answer.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import { maxMessageBytes } from "../answer/max-message-bytes.ts";
import { type DialOptions, dialCaller } from "./dial-caller.ts";

const sentinel = '"sentinel"';
/** Items, and bytes of items, that wait unread before the socket is paused. */
const highWaterItems = 64;
const highWaterBytes = 1024 * 1024;

/** The worker's end: what the caller sends, in order. Reading throws when the caller breaks off. */
export class RequestStream implements AsyncIterable<unknown>, AnswerCarrier {
  readonly #socket: Socket;
  readonly #codec: PayloadCodec;
  readonly #queue = new ByteQueue();
  readonly #inbox = new Answer();

  private constructor(socket: Socket, codec: PayloadCodec) {
    this.#socket = socket;
    this.#codec = codec;
    this.#inbox.carriedBy(this);
    this.#inbox.begin();
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => socket.destroy());
    socket.on("close", () =>
      this.#inbox.end(brokenAnswer("The caller's stream of items broke off before its end.")),
    );
  }

  static async dial(options: DialOptions, codec: PayloadCodec): Promise<RequestStream> {
    return new RequestStream(await dialCaller(options, "request"), codec);
  }

  /** Nobody reads any more. */
  close(): void {
    this.#inbox.end(null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    for (;;) {
      const next = await this.#inbox.next();
      if (next.done) return;
      yield next.value.data;
    }
  }

  drained(): void {
    this.#socket.resume();
  }

  stop(): void {}

  release(): void {
    this.#queue.take(this.#queue.length);
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#inbox.isEnded) return;
    this.#queue.push(chunk);
    try {
      while (!this.#inbox.isEnded && this.#takeFrame());
    } catch (error) {
      this.#inbox.giveUp(
        DynError.is(error)
          ? error
          : new ProtocolError("An item of the caller cannot be read.", error),
      );
    }
    const { unreadCount, unreadWeight, isEnded } = this.#inbox;
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
    if (headerBytes > 0) {
      const text = frame.toString("utf8", twoPartHeadBytes, split);
      if (text !== sentinel) {
        throw new ProtocolError(
          `The caller sent an unexpected control frame: ${text.slice(0, 100)}`,
        );
      }
      this.#inbox.end(null);
    } else if (bodyBytes > 0) {
      this.#inbox.push({ data: this.#codec.decode(frame, split, frame.length) }, bodyBytes);
    }
    return true;
  }
}

/** The caller's end: sends all items, then the end marker. Stops when the worker or the caller is done with it. */
export class RequestFeed {
  readonly #items: AsyncIterator<unknown>;
  readonly #codec: PayloadCodec;
  readonly #onError: (error: unknown) => void;
  #socket: Socket | null = null;
  #isOver = false;

  /** `onError`: the items ended by an error, which is the request's. */
  constructor(
    items: AsyncIterable<unknown>,
    codec: PayloadCodec,
    onError: (error: unknown) => void,
  ) {
    this.#items = items[Symbol.asyncIterator]();
    this.#codec = codec;
    this.#onError = onError;
  }

  /** The worker called for the items. */
  attach(socket: Socket): void {
    if (this.#isOver || this.#socket !== null) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.close());
    socket.on("data", () => {});
    socket.resume();
    this.#send(socket).catch((error) => {
      if (!this.#isOver) this.#onError(error);
      this.close();
    });
  }

  /** Idempotent. The source is told that nobody wants more. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket?.destroy();
    // A source that fails while it is being left has nobody to tell.
    Promise.resolve(this.#items.return?.()).catch(() => undefined);
  }

  async #send(socket: Socket): Promise<void> {
    while (!this.#isOver) {
      const next = await this.#items.next();
      if (this.#isOver) return;
      if (next.done) {
        socket.end(encodeTwoPart(Buffer.from(sentinel)));
        return;
      }
      if (socket.write(encodeTwoPart(undefined, this.#codec.encode(next.value)))) continue;
      await new Promise<void>((resolve) => {
        const done = () => {
          socket.off("drain", done);
          socket.off("close", done);
          resolve();
        };
        socket.once("drain", done);
        socket.once("close", done);
      });
    }
  }
}

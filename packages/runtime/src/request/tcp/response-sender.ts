// The worker's end of one response: dials the caller, writes items in order, listens for stop and kill.
// Every stream ends by its end marker or by a closed socket, which the caller takes for broken.
import { once } from "node:events";
import type { Socket } from "node:net";
import { ByteQueue } from "../../codec/byte-queue.ts";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import {
  encodeTwoPart,
  readTwoPartLengths,
  twoPartHeadBytes,
} from "../../codec/two-part-message.ts";
import type { AnswerSender } from "../answer/answer-sender.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import type { Annotated } from "../request-plane.ts";
import { type DialOptions, dialCaller } from "./dial-caller.ts";
import { errorToDynamo } from "./dynamo-error.ts";

const sentinel = Buffer.from('"sentinel"');
const completeFinal = { complete_final: true };

export interface ResponseSenderOptions extends DialOptions {
  readonly codec: PayloadCodec;
  /** The data of an item stands alone. Default false. */
  readonly isBare?: boolean;
  /** How long the caller may take to close after the end marker. */
  readonly closeTimeoutMs: number;
  /** The caller sent stop or kill, or is gone (kill). At most one of each. */
  readonly onCancel: (kind: "stop" | "kill") => void;
  /** Only says that another connection was lost. */
  readonly isNotice?: boolean;
}

export class ResponseSender implements AnswerSender {
  readonly #socket: Socket;
  readonly #options: ResponseSenderOptions;
  #finished = false;
  #sentBytes = 0;

  private constructor(socket: Socket, options: ResponseSenderOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#listen();
  }

  /** Connects and shakes hands. Throws UnavailableError when the caller cannot be reached. */
  static async dial(options: ResponseSenderOptions): Promise<ResponseSender> {
    return new ResponseSender(await dialCaller(options, "response"), options);
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** The request was taken, or was refused before any work. */
  async prologue(error: unknown = null): Promise<void> {
    const header =
      error === null
        ? { error: null }
        : { error: errorToDynamo(error).message, typed_error: errorToDynamo(error) };
    await this.#write(encodeTwoPart(jsonBytes(header)));
    if (error !== null) await this.#close();
  }

  /** Waits while the caller is slower than the worker. */
  async item(item: Annotated): Promise<void> {
    const data = this.#options.isBare ? item.data : item;
    const body = this.#options.codec.encode({ data, complete_final: false });
    this.#sentBytes += body.length;
    await this.#write(encodeTwoPart(undefined, body));
  }

  /** The handler failed: an error item, then the regular end. */
  async fail(error: unknown): Promise<void> {
    const wire = errorToDynamo(error);
    await this.#body({ data: { event: "error", error: wire }, complete_final: false });
    await this.end();
  }

  async end(): Promise<void> {
    await this.#body(completeFinal);
    await this.#write(encodeTwoPart(sentinel));
    await this.#close();
  }

  /** Without an end marker: after stop or kill, or when the process gives up. */
  destroy(): void {
    this.#finished = true;
    this.#socket.destroy();
  }

  async #body(value: unknown): Promise<void> {
    await this.#write(encodeTwoPart(undefined, this.#options.codec.encode(value)));
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed) return;
    if (this.#socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off("drain", done);
        this.#socket.off("close", done);
        resolve();
      };
      this.#socket.once("drain", done);
      this.#socket.once("close", done);
    });
  }

  /** The caller closes first; after the time-out we do. */
  async #close(): Promise<void> {
    this.#finished = true;
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close").catch(() => undefined);
    const timer = setTimeout(() => this.#socket.destroy(), this.#options.closeTimeoutMs);
    await closed;
    clearTimeout(timer);
  }

  #listen(): void {
    const queue = new ByteQueue();
    let told: "stop" | "kill" | null = null;
    const tell = (kind: "stop" | "kill") => {
      if (this.#finished || told === "kill" || told === kind) return;
      told = kind;
      this.#options.onCancel(kind);
    };
    this.#socket.on("data", (chunk) => {
      queue.push(chunk);
      for (;;) {
        const control = takeControl(queue);
        if (control === null) return;
        if (control === "stop" || control === "kill") tell(control);
        else this.#socket.destroy();
      }
    });
    // An error is followed by close, and close without an end of ours means that the caller is gone.
    this.#socket.on("error", () => this.#socket.destroy());
    this.#socket.on("close", (hadError) => {
      if (hadError && told === null) void this.#tellLost();
      tell("kill");
    });
  }

  /** A connection that broke may have taken along its handshake: the caller would wait for an answer. Told once. */
  async #tellLost(): Promise<void> {
    const { isNotice = false, connectTimeoutMs } = this.#options;
    if (isNotice) return;
    const signal = AbortSignal.timeout(connectTimeoutMs);
    try {
      const notice = await ResponseSender.dial({
        ...this.#options,
        signal,
        onCancel: () => {},
        isNotice: true,
      });
      await notice.prologue(brokenAnswer());
    } catch {
      // The caller is gone, and waits for nothing.
    }
  }
}

/** `null` while no whole frame is there; `bad` for anything that is no control frame. */
function takeControl(queue: ByteQueue): "stop" | "kill" | "bad" | null {
  const head = queue.peek(twoPartHeadBytes);
  if (head === null) return null;
  let lengths: { headerBytes: number; bodyBytes: number };
  try {
    lengths = readTwoPartLengths(head, 1024);
  } catch {
    return "bad";
  }
  const frame = queue.take(twoPartHeadBytes + lengths.headerBytes + lengths.bodyBytes);
  if (frame === null) return null;
  const text = frame.toString("utf8", twoPartHeadBytes, twoPartHeadBytes + lengths.headerBytes);
  if (text === '"stop"') return "stop";
  return text === '"kill"' ? "kill" : "bad";
}

function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

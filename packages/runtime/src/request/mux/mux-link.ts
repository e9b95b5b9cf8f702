// The worker's end of the shared connection to one calling process: opens a stream per request and hears credit, stop
// and kill. It closes itself when no stream has needed it for a while; when it breaks, all its streams are killed.
import { once } from "node:events";
import type { Socket } from "node:net";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import { openSocket } from "../tcp/open-socket.ts";
import type { SocketSecurity } from "../tcp/socket-security.ts";
import { MuxConnection } from "./mux-connection.ts";
import {
  bytesToUuid,
  decodeGreeting,
  encodeGreeting,
  frameTypes,
  greetingBytes,
} from "./mux-frame.ts";
import { expectBytes } from "./mux-reader.ts";
import { MuxSender } from "./mux-sender.ts";

/** What a caller says is short. */
const maxPayloadBytes = 1024 * 1024;
const maxStream = 0xffff_ffff;
/** What was said of a stream so long ago has reached the caller, if anything has. */
const underWayMs = 2_000;
const maxUnderWay = 16_384;

export interface MuxLinkOptions {
  readonly host: string;
  readonly port: number;
  readonly callerId: string;
  readonly security: SocketSecurity | null;
  /** For connection, TLS and greeting together. */
  readonly connectTimeoutMs: number;
  /** A caller that was silent for one of these is asked; silent for two, it is gone: after three at most. */
  readonly keepAliveMs: number;
  readonly idleTimeoutMs: number;
  /** The caller wants the request of this subject no more. */
  readonly onWithdraw: (subject: string) => void;
  /** `lost`: subjects of streams that ran, or ended a moment ago: the caller may have heard nothing of them. */
  readonly onClose: (error: ProtocolError | null, lost: readonly string[]) => void;
}

interface OpenStream {
  readonly sender: MuxSender;
  readonly subject: string;
}

export class MuxLink {
  readonly #options: MuxLinkOptions;
  readonly #connection: MuxConnection;
  readonly #streams = new Map<number, OpenStream>();
  /** Streams that are over, in their order. */
  #ended: { readonly subject: string; readonly atMs: number }[] = [];
  #lastStream = 0;
  #idle: NodeJS.Timeout | null = null;

  private constructor(socket: Socket, rest: Buffer, options: MuxLinkOptions) {
    this.#options = options;
    this.#connection = new MuxConnection({
      socket,
      rest,
      maxPayloadBytes,
      vigilance: { lookMs: options.keepAliveMs, patience: 1 },
      onFrame: (type, payload) => this.#receive(type, payload),
      onClose: (error) => this.#closed(error),
    });
    this.#connection.start();
    this.#waitForUse();
  }

  /** Rejects when the caller cannot be reached, or is another one than was meant, within the time-out. */
  static async dial(options: MuxLinkOptions): Promise<MuxLink> {
    const { host, port, security, callerId } = options;
    const { socket, openEvent } = openSocket({ host, port, security });
    const signal = AbortSignal.timeout(options.connectTimeoutMs);
    try {
      await once(socket, openEvent, { signal });
      socket.write(encodeGreeting(callerId));
      const answer = await readGreeting(socket, signal);
      if (decodeGreeting(answer.greeting) !== callerId) {
        throw new ProtocolError(`Another process than ${callerId} listens at ${host}:${port}.`);
      }
      return new MuxLink(socket, answer.rest, options);
    } catch (error) {
      socket.on("error", () => socket.destroy());
      socket.destroy();
      throw error;
    }
  }

  get isUsable(): boolean {
    return this.#connection.isOpen && this.#lastStream < maxStream;
  }

  openStream(options: {
    readonly subject: string;
    readonly codec: PayloadCodec;
    readonly window: number;
    readonly onCancel: (kind: "stop" | "kill") => void;
  }): MuxSender {
    this.#lastStream += 1;
    const stream = this.#lastStream;
    const sender = new MuxSender({
      ...options,
      connection: this.#connection,
      stream,
      onOver: () => {
        this.#streams.delete(stream);
        this.#remember(options.subject);
        if (this.#streams.size === 0) this.#waitForUse();
      },
    });
    this.#streams.set(stream, { sender, subject: options.subject });
    if (this.#idle !== null) clearTimeout(this.#idle);
    return sender;
  }

  /** Tells the caller that the answer of this subject broke off; one that has heard of it already does not mind. */
  tellLost(subject: string, codec: PayloadCodec): void {
    this.#lastStream += 1;
    const sender = new MuxSender({
      connection: this.#connection,
      stream: this.#lastStream,
      subject,
      codec,
      window: 0,
      onCancel: () => {},
      onOver: () => {},
    });
    void sender.prologue(brokenAnswer());
  }

  /** Ends of streams that were said still leave. */
  close(): void {
    this.#connection.end();
    setTimeout(() => this.#connection.destroy(), 1_000).unref();
  }

  #remember(subject: string): void {
    const nowMs = performance.now();
    this.#ended.push({ subject, atMs: nowMs });
    if (this.#ended.length < maxUnderWay && nowMs - this.#ended[0]!.atMs < 2 * underWayMs) return;
    this.#ended = this.#ended
      .slice(-maxUnderWay / 2)
      .filter(({ atMs }) => nowMs - atMs < underWayMs);
  }

  #waitForUse(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close(), this.#options.idleTimeoutMs).unref();
  }

  #receive(type: number, payload: Buffer): void {
    switch (type) {
      case frameTypes.credit:
        if (payload.length % 8 !== 0) expectBytes(payload, payload.length + 8);
        for (let at = 0; at < payload.length; at += 8) {
          this.#streams.get(payload.readUInt32BE(at))?.sender.credit(payload.readUInt32BE(at + 4));
        }
        return;
      case frameTypes.stop:
      case frameTypes.kill:
        expectBytes(payload, 4);
        this.#streams
          .get(payload.readUInt32BE(0))
          ?.sender.cancel(type === frameTypes.stop ? "stop" : "kill");
        return;
      case frameTypes.withdraw:
        expectBytes(payload, 16);
        this.#options.onWithdraw(bytesToUuid(payload));
        return;
      default:
        throw new ProtocolError(`A caller does not send frames of type ${type}.`);
    }
  }

  #closed(error: ProtocolError | null): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    const nowMs = performance.now();
    const ended = this.#ended.filter(({ atMs }) => nowMs - atMs < underWayMs);
    const streams = [...this.#streams.values()];
    const lost = [...streams, ...ended].map(({ subject }) => subject);
    for (const { sender } of streams) sender.cancel("kill");
    this.#options.onClose(error, lost);
  }
}

async function readGreeting(
  socket: Socket,
  signal: AbortSignal,
): Promise<{ greeting: Buffer; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const settle = () => {
      socket.pause();
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.off("error", reject);
      signal.removeEventListener("abort", onAbort);
    };
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < greetingBytes) return;
      settle();
      resolve({
        greeting: bytes.subarray(0, greetingBytes),
        rest: bytes.subarray(greetingBytes),
      });
    };
    const onClose = () => {
      settle();
      reject(new ProtocolError("The caller closed the connection instead of greeting."));
    };
    const onAbort = () => {
      settle();
      reject(signal.reason);
    };
    socket.on("data", onData);
    socket.on("close", onClose);
    socket.on("error", reject);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

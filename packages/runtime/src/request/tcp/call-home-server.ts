// The caller's listener: workers dial it, say which request they answer, and are handed to that request's receiver.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { UnavailableError } from "@dyn/protocol";
import { ByteQueue } from "../../codec/byte-queue.ts";
import { readTwoPartLengths, twoPartHeadBytes } from "../../codec/two-part-message.ts";
import type { ResponseReceiver } from "./response-receiver.ts";
import { looksLikeTls, type SocketSecurity } from "./socket-security.ts";
import { SocketServer } from "./socket-server.ts";

/** A worker that has dialled and says nothing is cut off. */
const handshakeTimeoutMs = 10_000;
const maxHandshakeBytes = 16 * 1024;
const maxSilent = 1024;

export interface CallHomeServerOptions {
  readonly host: string;
  readonly port: number;
  readonly security?: SocketSecurity | null;
  readonly onProblem?: (message: string, error: unknown) => void;
}

export class CallHomeServer {
  readonly #expected = new Map<string, ResponseReceiver>();
  readonly #receivers = new Set<ResponseReceiver>();
  readonly #onProblem: (message: string, error: unknown) => void;
  #server: SocketServer | null = null;

  private constructor(options: CallHomeServerOptions) {
    this.#onProblem = options.onProblem ?? (() => {});
  }

  static async listen(options: CallHomeServerOptions): Promise<CallHomeServer> {
    const callHome = new CallHomeServer(options);
    callHome.#server = await SocketServer.listen({
      purpose: "answers",
      host: options.host,
      port: options.port,
      security: options.security ?? null,
      maxSilent,
      onSocket: (socket) => callHome.#accept(socket),
      onProblem: callHome.#onProblem,
    });
    return callHome;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Must be called before the request is sent: the worker may call before it acknowledges. */
  expect(subject: string, receiver: ResponseReceiver): void {
    this.#expected.set(subject, receiver);
    this.#receivers.add(receiver);
  }

  /** The request is over. A worker that calls for it later is turned away, which cancels its work. */
  forget(subject: string, receiver: ResponseReceiver): void {
    this.#expected.delete(subject);
    this.#receivers.delete(receiver);
  }

  /** Ends every request that still waits or reads. */
  async close(): Promise<void> {
    const error = () =>
      new UnavailableError("The caller is shutting down.", { code: "DYN_RUNTIME_CLOSED" });
    for (const receiver of this.#receivers) receiver.kill(error());
    this.#receivers.clear();
    this.#expected.clear();
    await this.#server?.close();
  }

  #accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    const queue = new ByteQueue();
    const timer = setTimeout(() => socket.destroy(), handshakeTimeoutMs);
    const onData = (chunk: Buffer) => {
      queue.push(chunk);
      const subject = takeHandshake(queue);
      if (subject === null) return;
      clearTimeout(timer);
      socket.off("data", onData);
      const receiver = subject === false ? undefined : this.#expected.get(subject);
      if (receiver === undefined || subject === false) {
        if (subject === false) this.#refuseGarbage(queue);
        if (socket instanceof TLSSocket) socket.destroy();
        else socket.resetAndDestroy();
        return;
      }
      this.#server?.spoke(socket);
      this.#expected.delete(subject);
      receiver.attach(socket, queue.take(queue.length) ?? Buffer.alloc(0));
    };
    socket.on("data", onData);
    socket.once("close", () => clearTimeout(timer));
  }

  #refuseGarbage(queue: ByteQueue): void {
    const isTls = looksLikeTls(queue.peek(Math.min(queue.length, 3)) ?? Buffer.alloc(0));
    this.#onProblem(
      isTls
        ? "A peer speaks TLS to the port for answers, which is plain here. Give this process the peer's DYN_TCP_TLS_* settings."
        : "A peer at the port for answers sent no handshake and was turned away.",
      null,
    );
  }
}

/** The subject; `null` while the handshake is not whole, `false` when it is none. */
function takeHandshake(queue: ByteQueue): string | null | false {
  // No length is that big: such a first byte decides at once, however few bytes there are.
  if (queue.peek(1)?.[0] !== 0) return queue.length === 0 ? null : false;
  const head = queue.peek(twoPartHeadBytes);
  if (head === null) return null;
  try {
    const { headerBytes, bodyBytes } = readTwoPartLengths(head, maxHandshakeBytes);
    const frame = queue.take(twoPartHeadBytes + headerBytes + bodyBytes);
    if (frame === null) return null;
    const text = frame.toString("utf8", twoPartHeadBytes, twoPartHeadBytes + headerBytes);
    const handshake = JSON.parse(text) as { subject?: unknown; stream_type?: unknown };
    if (typeof handshake.subject !== "string" || handshake.stream_type !== "response") return false;
    return handshake.subject;
  } catch {
    return false;
  }
}

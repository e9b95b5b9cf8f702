// The caller's listener: workers dial it, say which request they answer, and are handed to that request's receiver.
import { createServer, type Server, type Socket } from "node:net";
import { ByteQueue } from "../../codec/byte-queue.ts";
import { readTwoPartLengths, twoPartHeadBytes } from "../../codec/two-part-message.ts";
import type { ResponseReceiver } from "./response-receiver.ts";

/** A worker that has dialled and says nothing is cut off. */
const handshakeTimeoutMs = 10_000;
const maxHandshakeBytes = 16 * 1024;

export class CallHomeServer {
  readonly #expected = new Map<string, ResponseReceiver>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async listen(options: {
    readonly host: string;
    readonly port: number;
  }): Promise<CallHomeServer> {
    const server = createServer({ noDelay: true });
    const port = await new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port, options.host, 4096, () => {
        server.off("error", reject);
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : options.port);
      });
    });
    return new CallHomeServer(server, port);
  }

  /** Must be called before the request is sent: the worker may call before it acknowledges. */
  expect(subject: string, receiver: ResponseReceiver): void {
    this.#expected.set(subject, receiver);
  }

  /** A worker that calls for it later is turned away, which cancels its work. */
  forget(subject: string): void {
    this.#expected.delete(subject);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
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
        socket.resetAndDestroy();
        return;
      }
      this.#expected.delete(subject);
      receiver.attach(socket, queue.take(queue.length) ?? Buffer.alloc(0));
    };
    socket.on("data", onData);
    socket.once("close", () => clearTimeout(timer));
  }
}

/** The subject; `null` while the handshake is not whole, `false` when it is none. */
function takeHandshake(queue: ByteQueue): string | null | false {
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

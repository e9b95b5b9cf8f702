// The worker's listener: takes request frames, acknowledges each at once and in order, hands them on.
import type { Socket } from "node:net";
import { ByteQueue } from "../../codec/byte-queue.ts";
import { acknowledgements, encodeAcknowledgement } from "./acknowledgement.ts";
import { type RequestFrame, takeRequestFrame } from "./request-frame.ts";
import { looksLikeTls, type SocketSecurity } from "./socket-security.ts";
import { SocketServer } from "./socket-server.ts";

/** A frame that has begun is whole by then, or its connection is cut off. */
const frameTimeoutMs = 60_000;
/** How long a refused peer may go on sending before it is cut off: cut at once, it might not read why. */
const lingerMs = 2_000;
const maxSilent = 1024;

export interface RequestServerOptions {
  readonly host: string;
  readonly port: number;
  readonly security: SocketSecurity | null;
  readonly maxPayloadBytes: number;
  /** Takes the request and begins it, or refuses: the acknowledgement text, empty when taken. Never waits. */
  readonly take: (frame: RequestFrame) => string;
  readonly onProblem: (message: string, error: unknown) => void;
}

export class RequestServer {
  readonly #options: RequestServerOptions;
  #server: SocketServer | null = null;

  private constructor(options: RequestServerOptions) {
    this.#options = options;
  }

  static async listen(options: RequestServerOptions): Promise<RequestServer> {
    const server = new RequestServer(options);
    const { host, port, security, onProblem } = options;
    server.#server = await SocketServer.listen({
      purpose: "requests",
      host,
      port,
      security,
      maxSilent,
      onSocket: (socket) => server.#accept(socket),
      onProblem,
    });
    return server;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  #accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    const queue = new ByteQueue();
    let timer: NodeJS.Timeout | null = null;
    const stopTimer = () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    };
    socket.on("close", stopTimer);
    socket.on("data", (chunk) => {
      // What comes behind a refusal that ends the connection is let go.
      if (socket.writableEnded) return;
      queue.push(chunk);
      socket.cork();
      while (!socket.writableEnded && this.#takeOne(socket, queue)) stopTimer();
      socket.uncork();
      if (queue.length === 0 || socket.writableEnded) stopTimer();
      else timer ??= setTimeout(() => socket.destroy(), frameTimeoutMs);
    });
  }

  /** `false` = no whole frame is there. */
  #takeOne(socket: Socket, queue: ByteQueue): boolean {
    const { maxPayloadBytes, take, onProblem } = this.#options;
    if (looksLikeTls(queue.peek(Math.min(queue.length, 3)) ?? Buffer.alloc(0))) {
      onProblem(
        "A peer speaks TLS to the port for requests, which is plain here. Give this process the peer's DYN_TCP_TLS_* settings.",
        null,
      );
      socket.destroy();
      queue.take(queue.length);
      return false;
    }
    const read = takeRequestFrame(queue, maxPayloadBytes);
    if (read.type === "incomplete") return false;
    this.#server?.spoke(socket);
    if (read.type === "too-large") {
      const text = acknowledgements.tooLarge(read.sizeBytes, maxPayloadBytes);
      queue.take(queue.length);
      socket.end(encodeAcknowledgement(text));
      const linger = setTimeout(() => socket.destroy(), lingerMs);
      socket.on("close", () => clearTimeout(linger));
      return false;
    }
    socket.write(encodeAcknowledgement(take(read.frame)));
    return true;
  }
}

// The worker's listener: takes request frames, acknowledges each at once and in order, hands them on.
import { createServer, type Server, type Socket } from "node:net";
import { ByteQueue } from "../../codec/byte-queue.ts";
import { acknowledgements, encodeAcknowledgement } from "./acknowledgement.ts";
import { type RequestFrame, takeRequestFrame } from "./request-frame.ts";

export interface RequestServerOptions {
  readonly host: string;
  readonly port: number;
  readonly maxPayloadBytes: number;
  /** Takes the request and begins it, or refuses: the acknowledgement text, empty when taken. Never waits. */
  readonly take: (frame: RequestFrame) => string;
}

export class RequestServer {
  readonly port: number;
  readonly #server: Server;
  readonly #options: RequestServerOptions;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, options: RequestServerOptions) {
    this.#server = server;
    this.port = port;
    this.#options = options;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async listen(options: RequestServerOptions): Promise<RequestServer> {
    const server = createServer({ noDelay: true });
    const port = await new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port, options.host, 4096, () => {
        server.off("error", reject);
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : options.port);
      });
    });
    return new RequestServer(server, port, options);
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
    socket.on("data", (chunk) => {
      queue.push(chunk);
      socket.cork();
      while (!socket.writableEnded && this.#takeOne(socket, queue));
      socket.uncork();
    });
  }

  /** `false` = no whole frame is there. */
  #takeOne(socket: Socket, queue: ByteQueue): boolean {
    const { maxPayloadBytes, take } = this.#options;
    const read = takeRequestFrame(queue, maxPayloadBytes);
    if (read.type === "incomplete") return false;
    if (read.type === "too-large") {
      const text = acknowledgements.tooLarge(read.sizeBytes, maxPayloadBytes);
      socket.end(encodeAcknowledgement(text));
      return false;
    }
    socket.write(encodeAcknowledgement(take(read.frame)));
    return true;
  }
}

// A listener of the plane, plain or TLS: hands out sockets, bounds those that say nothing, closes with all of them.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { UnavailableError } from "@dyn/protocol";
import { formatAddress } from "./control-message.ts";
import { keepAliveDelayMs } from "./open-socket.ts";
import { type SocketSecurity, serverTlsOptions } from "./socket-security.ts";

const backlog = 4096;

export interface SocketServerOptions {
  /** For messages: "requests". */
  readonly purpose: string;
  readonly host: string;
  readonly port: number;
  readonly security: SocketSecurity | null;
  /** Connections that have not spoken yet; one more and the oldest of them is cut off. */
  readonly maxSilent: number;
  readonly onSocket: (socket: Socket) => void;
  readonly onProblem: (message: string, error: unknown) => void;
}

export class SocketServer {
  readonly port: number;
  readonly #server: Server;
  readonly #options: SocketServerOptions;
  readonly #sockets = new Set<Socket>();
  /** By the peer's address: under TLS the socket that speaks is not the one that was accepted. */
  readonly #silent = new Map<string, Socket>();

  private constructor(server: Server, port: number, options: SocketServerOptions) {
    this.#server = server;
    this.port = port;
    this.#options = options;
    const { purpose, onProblem, onSocket, security } = options;
    server.on("connection", (socket) => this.#accept(socket));
    server.on("error", (error) => onProblem(`The listener for ${purpose} has a problem.`, error));
    if (security === null) {
      server.on("connection", onSocket);
      return;
    }
    server.on("secureConnection", onSocket);
    server.on("tlsClientError", (error: Error, socket: Socket) => {
      onProblem(
        `A peer failed the TLS handshake with the listener for ${purpose}: ${error.message} Give it the same DYN_TCP_TLS_* settings as this process.`,
        error,
      );
      socket.destroy();
    });
  }

  /** Throws UnavailableError when the address cannot be had. */
  static async listen(options: SocketServerOptions): Promise<SocketServer> {
    const { host, port, purpose, security } = options;
    const server =
      security === null
        ? createServer({ noDelay: true })
        : createTlsServer({ noDelay: true, ...serverTlsOptions(security) });
    const bound = await new Promise<number>((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new UnavailableError(
            `Cannot listen for ${purpose} at ${formatAddress(host, port)}: ${error.message}. Choose another address or port.`,
            { code: "DYN_RUNTIME_CANNOT_LISTEN", cause: error },
          ),
        );
      server.once("error", fail);
      server.listen(port, host, backlog, () => {
        server.off("error", fail);
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
    return new SocketServer(server, bound, options);
  }

  /** The socket has said something that makes sense. */
  spoke(socket: Socket): void {
    this.#silent.delete(peerOf(socket));
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const peer = peerOf(socket);
    this.#sockets.add(socket);
    this.#silent.set(peer, socket);
    socket.setKeepAlive(true, keepAliveDelayMs);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#silent.get(peer) === socket) this.#silent.delete(peer);
    });
    if (this.#silent.size <= this.#options.maxSilent) return;
    for (const [oldestPeer, oldest] of this.#silent) {
      this.#silent.delete(oldestPeer);
      oldest.destroy();
      return;
    }
  }
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

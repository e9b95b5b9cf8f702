// One connection to a worker: requests one way, acknowledgements the other, strictly in order.
// An acknowledgement that does not come ends the connection: its successor would be taken for it.
import type { Socket } from "node:net";
import { DynError, OverloadedError, UnavailableError } from "@dyn/protocol";
import { ByteQueue } from "../../codec/byte-queue.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { acknowledgementToError, takeAcknowledgement } from "./acknowledgement.ts";
import { openSocket } from "./open-socket.ts";
import { looksLikeTlsAlert, type SocketSecurity } from "./socket-security.ts";

/** Requests that wait for their acknowledgement; one more is refused as overloaded. */
const maxPending = 8192;

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: DynError) => void;
  readonly timer: NodeJS.Timeout;
}

export interface RequestConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly security: SocketSecurity | null;
  readonly connectTimeoutMs: number;
  readonly acknowledgementTimeoutMs: number;
  /** Unused for so long, it closes. */
  readonly idleTimeoutMs: number;
  readonly onClose: () => void;
}

export class RequestConnection {
  readonly #socket: Socket;
  readonly #options: RequestConnectionOptions;
  readonly #pending: Pending[] = [];
  readonly #queue = new ByteQueue();
  /** Who waits for an answer that has not begun. */
  readonly #losers = new Set<() => void>();
  readonly #connecting: NodeJS.Timeout;
  #closedBy: DynError | null = null;
  #isConnected = false;
  #hasAnswered = false;
  #isCorked = false;

  constructor(options: RequestConnectionOptions) {
    this.#options = options;
    const { host, port, security } = options;
    const { socket, openEvent } = openSocket({ host, port, security });
    this.#socket = socket;
    this.#connecting = setTimeout(() => {
      this.#fail(
        new UnavailableError(`The worker at ${host}:${port} did not accept a connection in time.`, {
          code: "DYN_RUNTIME_CANNOT_CONNECT",
        }),
      );
    }, options.connectTimeoutMs);
    this.#socket.once(openEvent, () => {
      clearTimeout(this.#connecting);
      this.#isConnected = true;
    });
    this.#socket.on("data", (chunk) => this.#receive(chunk));
    this.#socket.on("error", (error) => {
      const message = `The connection to the worker at ${host}:${port} failed: ${error.message}${this.#tlsHint}`;
      this.#fail(
        new UnavailableError(message, { code: "DYN_RUNTIME_CANNOT_CONNECT", cause: error }),
      );
    });
    this.#socket.on("close", () => {
      const message = `The worker at ${host}:${port} closed the connection before it acknowledged the request.${this.#tlsHint}`;
      this.#fail(new UnavailableError(message, { code: "DYN_RUNTIME_DISCONNECTED" }));
    });
    this.#socket.setTimeout(options.idleTimeoutMs, () => {
      if (this.#pending.length === 0 && this.#losers.size === 0) this.#socket.end();
    });
  }

  /** A worker that lets us in and then says nothing but goodbye may have waited for a TLS handshake. */
  get #tlsHint(): string {
    if (this.#options.security !== null || !this.#isConnected || this.#hasAnswered) return "";
    return " If it speaks TLS, give this process the same DYN_TCP_TLS_* settings.";
  }

  get isUsable(): boolean {
    return this.#closedBy === null && !this.#socket.writableEnded;
  }

  /** Resolves when the worker has taken the frame; rejects with its refusal. */
  send(frame: Buffer): Promise<void> {
    if (this.#closedBy !== null) return Promise.reject(this.#closedBy);
    if (this.#pending.length >= maxPending) {
      const { host, port } = this.#options;
      return Promise.reject(
        new OverloadedError(
          `${maxPending} requests wait for the acknowledgement of the worker at ${host}:${port}.`,
          { status: 529 },
        ),
      );
    }
    return new Promise<void>((resolve, reject) => {
      const { acknowledgementTimeoutMs: timeoutMs } = this.#options;
      const timer = setTimeout(() => {
        this.#fail(
          new DynError(`The worker did not acknowledge a request within ${timeoutMs} ms.`, {
            code: "DYN_RUNTIME_CONNECT_TIMEOUT",
            status: 504,
            retryable: true,
          }),
        );
      }, timeoutMs);
      this.#pending.push({ resolve, reject, timer });
      this.#write(frame);
    });
  }

  /** Called once if the connection is lost, at once if it is already; `offLost` takes it back. */
  onLost(listener: () => void): void {
    if (this.#closedBy === null) this.#losers.add(listener);
    else listener();
  }

  offLost(listener: () => void): void {
    this.#losers.delete(listener);
  }

  /** What is sent in one turn of the event loop leaves in one write, at its end: the system call costs more than the frame. */
  #write(frame: Buffer): void {
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      setImmediate(this.#uncork);
    }
    this.#socket.write(frame);
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };

  close(): void {
    this.#fail(
      new UnavailableError("The caller is shutting down.", { code: "DYN_RUNTIME_CLOSED" }),
    );
  }

  #receive(chunk: Buffer): void {
    this.#queue.push(chunk);
    if (looksLikeTlsAlert(this.#queue.peek(Math.min(this.#queue.length, 3)) ?? Buffer.alloc(0))) {
      const { host, port } = this.#options;
      this.#fail(
        new UnavailableError(
          `The worker at ${host}:${port} speaks TLS and this process does not. Give both the same DYN_TCP_TLS_* settings.`,
          { code: "DYN_RUNTIME_CANNOT_CONNECT" },
        ),
      );
      return;
    }
    try {
      for (let text = takeAcknowledgement(this.#queue); text !== null; ) {
        const pending = this.#pending.shift();
        if (pending === undefined)
          throw new ProtocolError("The worker acknowledged a request that was not sent.");
        clearTimeout(pending.timer);
        this.#hasAnswered = true;
        const refusal = acknowledgementToError(text);
        if (refusal === null) pending.resolve();
        else pending.reject(refusal);
        text = takeAcknowledgement(this.#queue);
      }
    } catch (error) {
      this.#fail(
        error instanceof ProtocolError
          ? error
          : new ProtocolError("The acknowledgement cannot be read.", error),
      );
    }
  }

  #fail(error: DynError): void {
    clearTimeout(this.#connecting);
    if (this.#closedBy === null) {
      this.#closedBy = error;
      this.#options.onClose();
    }
    for (const { reject, timer } of this.#pending.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
    const losers = [...this.#losers];
    this.#losers.clear();
    for (const tell of losers) tell();
    this.#socket.destroy();
  }
}

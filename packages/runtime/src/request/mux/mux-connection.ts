// One mux connection as both sides have it: what is said in one turn of the event loop leaves in one write, a peer
// that says nothing is asked and then given up, and whatever is wrong ends the connection once.
import type { Socket } from "node:net";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { frameTypes } from "./mux-frame.ts";
import { MuxReader } from "./mux-reader.ts";
import { MuxWriter } from "./mux-writer.ts";

/** Unsent bytes beyond this make writers wait. */
const highWaterBytes = 1024 * 1024;

export interface MuxConnectionOptions {
  readonly socket: Socket;
  /** Bytes that came behind the greeting. */
  readonly rest: Buffer;
  readonly maxPayloadBytes: number;
  /** A peer that was silent for one such interval is asked; silent for two, it is gone: after three at most. */
  readonly keepAliveMs: number;
  /** May throw a ProtocolError, which ends the connection. */
  readonly onFrame: (type: number, payload: Buffer) => void;
  /** Once; `error` = why, if the peer did something wrong or is silent. */
  readonly onClose: (error: ProtocolError | null) => void;
}

export class MuxConnection {
  /** Whatever is written here leaves at the end of this turn: call `flushSoon`. */
  readonly writer = new MuxWriter();
  readonly #socket: Socket;
  readonly #options: MuxConnectionOptions;
  readonly #reader: MuxReader;
  readonly #waiters = new Set<() => void>();
  readonly #keepAlive: NodeJS.Timeout;
  #isScheduled = false;
  #hasHeard = false;
  #silentCount = 0;
  #error: ProtocolError | null = null;

  constructor(options: MuxConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#socket = socket;
    this.#reader = new MuxReader(options.maxPayloadBytes);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("drain", () => this.#wake());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#closed());
    this.#keepAlive = setInterval(() => this.#tick(), options.keepAliveMs).unref();
  }

  /** Reads what came behind the greeting, then the socket. */
  start(): void {
    this.#receive(this.#options.rest);
    this.#socket.resume();
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded;
  }

  /** More than can be sent waits here: wait for `drained`. */
  get isFull(): boolean {
    return this.#socket.writableLength + this.writer.length > highWaterBytes;
  }

  flushSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  /** Calls back once, when there is room again or the connection is closed. */
  onDrained(wake: () => void): void {
    this.#waiters.add(wake);
  }

  /** What was written still leaves. */
  end(): void {
    this.#flush();
    this.#socket.end();
  }

  destroy(error: ProtocolError | null = null): void {
    this.#error ??= error;
    this.#socket.destroy();
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (this.writer.length === 0) return;
    const bytes = this.writer.take();
    if (this.isOpen) this.#socket.write(bytes);
    if (!this.isFull) this.#wake();
  };

  #receive(chunk: Buffer): void {
    if (chunk.length === 0 || this.#socket.destroyed) return;
    this.#hasHeard = true;
    try {
      this.#reader.receive(chunk, this.#handle);
    } catch (error) {
      this.destroy(
        error instanceof ProtocolError
          ? error
          : new ProtocolError("A frame of the response mux cannot be read.", error),
      );
    }
  }

  readonly #handle = (type: number, payload: Buffer): void => {
    if (type === frameTypes.ping) {
      this.writer.pong();
      this.flushSoon();
    } else if (type !== frameTypes.pong) this.#options.onFrame(type, payload);
  };

  /** Counted in ticks, not by the clock: a process that was stopped itself has missed none. */
  #tick(): void {
    if (this.#hasHeard) {
      this.#hasHeard = false;
      this.#silentCount = 0;
      return;
    }
    this.#silentCount += 1;
    if (this.#silentCount === 1) {
      this.writer.ping();
      this.flushSoon();
    } else {
      const silentMs = this.#options.keepAliveMs * this.#silentCount;
      this.destroy(
        new ProtocolError(
          `The peer of a response mux was silent for ${silentMs} ms and is given up.`,
        ),
      );
    }
  }

  #wake(): void {
    if (this.#waiters.size === 0 || (this.isFull && this.isOpen)) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  #closed(): void {
    clearInterval(this.#keepAlive);
    this.#options.onClose(this.#error);
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

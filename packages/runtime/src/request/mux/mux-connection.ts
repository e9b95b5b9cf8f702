// One mux connection as both sides have it: what is said in one turn of the event loop leaves in one write, a peer
// that says nothing is asked and then given up, and whatever is wrong ends the connection once.
import type { Socket } from "node:net";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { frameTypes } from "./mux-frame.ts";
import { MuxReader } from "./mux-reader.ts";
import { MuxWriter } from "./mux-writer.ts";

/** Unsent bytes beyond this make writers wait. */
const highWaterBytes = 1024 * 1024;

/** Of looks without need, one in so many asks. */
const idleLooks = 12;

/** How a peer that says nothing is noticed: who was silent from one look to the next is asked, and has some looks to answer. */
export interface Vigilance {
  readonly lookMs: number;
  /** Looks until an answer must have come. Together: gone `patience + 1` to `patience + 2` looks after its last word. */
  readonly patience: number;
}

export interface MuxConnectionOptions {
  readonly socket: Socket;
  /** Bytes that came behind the greeting. */
  readonly rest: Buffer;
  readonly maxPayloadBytes: number;
  readonly vigilance: Vigilance;
  /** Whether somebody waits for the peer now. One that nobody waits for is asked now and then. Default: always. */
  readonly isNeeded?: () => boolean;
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
  /** Looks without a word, before the peer was asked and since. */
  #silentCount = 0;
  #askedCount = 0;
  #lookedMs = performance.now();
  #isSilent = false;
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
    this.#keepAlive = setInterval(() => this.#look(), options.vigilance.lookMs).unref();
  }

  /** Reads what came behind the greeting, then the socket. */
  start(): void {
    this.#receive(this.#options.rest);
    this.#socket.resume();
  }

  /** The peer was given up because it said nothing. */
  get isSilent(): boolean {
    return this.#isSilent;
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

  /**
   * Counted in looks, not by the clock: a process that was stopped itself has missed none. One that comes late itself is
   * not counted: where this process gets no time, its peer may get none either.
   */
  #look(): void {
    const { vigilance, isNeeded } = this.#options;
    const { lookMs, patience } = vigilance;
    const nowMs = performance.now();
    const isLate = nowMs - this.#lookedMs > 1.5 * lookMs;
    this.#lookedMs = nowMs;
    if (this.#hasHeard) {
      this.#hasHeard = false;
      this.#silentCount = 0;
      this.#askedCount = 0;
      return;
    }
    this.#silentCount += 1;
    if (this.#askedCount === 0) {
      if (this.#silentCount < idleLooks && isNeeded?.() === false) return;
      this.#askedCount = 1;
      this.writer.ping();
      this.flushSoon();
      return;
    }
    if (!isLate) this.#askedCount += 1;
    if (this.#askedCount <= patience) return;
    this.#isSilent = true;
    const silentMs = Math.round(lookMs * this.#silentCount);
    this.destroy(
      new ProtocolError(
        `The peer of a response mux was silent for ${silentMs} ms and is given up.`,
      ),
    );
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

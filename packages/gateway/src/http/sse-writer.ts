// Server-sent events straight onto the response: all events of one event-loop turn leave in one write.
import type { Socket } from "node:net";
import type { Exchange } from "./exchange.ts";
import { untilDrained } from "./until-drained.ts";

/** Text waiting for its write beyond this counts as a full pipe. */
const maxPendingLength = 256 * 1024;

export class SseWriter {
  readonly #exchange: Exchange;
  readonly #stalledReaderTimeoutMs: number;
  #pending = "";
  #isScheduled = false;
  #hasBegun = false;
  #lastWriteMs = 0;
  #keepAlive: NodeJS.Timeout | null = null;
  #isHeadOut = false;

  constructor(exchange: Exchange, options: { readonly stalledReaderTimeoutMs: number }) {
    this.#exchange = exchange;
    this.#stalledReaderTimeoutMs = options.stalledReaderTimeoutMs;
  }

  /** Whether the status line is decided: from then on errors are events. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The client reads slower than events are made: wait for `drained` before making more. */
  get isFull(): boolean {
    const { response } = this.#exchange;
    const needsDrain = response.writableNeedDrain || response.socket?.writableNeedDrain === true;
    return needsDrain || this.#pending.length > maxPendingLength;
  }

  /**
   * From now on `frame` is sent whenever nothing else was for `intervalMs`, also before the first event, so that
   * proxies keep the connection. The status is decided with the first of them.
   */
  startKeepAlive(intervalMs: number, frame: string): void {
    this.#lastWriteMs = performance.now();
    const look = () => {
      const silentMs = performance.now() - this.#lastWriteMs;
      if (silentMs >= intervalMs && !this.isFull) this.write(frame);
      const nextMs = silentMs >= intervalMs ? intervalMs : intervalMs - silentMs;
      this.#keepAlive = setTimeout(look, nextMs);
    };
    this.#keepAlive = setTimeout(look, intervalMs);
    this.#exchange.response.once("close", () => this.#stopKeepAlive());
  }

  /** One or more whole events, each with its empty line. */
  write(events: string): void {
    this.#begin();
    if (this.#keepAlive !== null) this.#lastWriteMs = performance.now();
    this.#pending += events;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  /** Writes what waits and these last events, and ends the response. */
  end(events: string): void {
    this.#begin();
    this.#stopKeepAlive();
    this.#exchange.response.end(this.#pending + events);
    this.#pending = "";
  }

  /**
   * Resolves when the client has read on; rejects when it leaves.
   * A client that reads nothing for the time-out is cut off.
   */
  async drained(): Promise<void> {
    const { response, signal } = this.#exchange;
    signal.throwIfAborted();
    this.#flush();
    const { socket } = response;
    const full = [response, socket].find((stream) => stream?.writableNeedDrain);
    if (full == null) return;
    await untilDrained(full, {
      signal,
      stalledTimeoutMs: this.#stalledReaderTimeoutMs,
      onStalled: () => response.destroy(),
    });
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const { response } = this.#exchange;
    if (this.#pending === "" || response.writableEnded || response.destroyed) return;
    const text = this.#pending;
    this.#pending = "";
    const { socket } = response;
    if (this.#isHeadOut && socket !== null && response.chunkedEncoding) writeChunk(socket, text);
    // With the head, or not yet its turn on the connection, or a client that knows no chunks.
    else response.write(text);
    this.#isHeadOut = true;
  };

  #stopKeepAlive(): void {
    if (this.#keepAlive !== null) clearTimeout(this.#keepAlive);
    this.#keepAlive = null;
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#exchange.response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache",
    });
  }
}

/**
 * One chunk of HTTP/1.1's chunked coding as one string: `response.write` makes four pieces of it, and the system call
 * that gathers them is the dearest thing that a stream does.
 */
function writeChunk(socket: Socket, text: string): void {
  const sizeBytes = Buffer.byteLength(text);
  const chunk = `${sizeBytes.toString(16)}\r\n${text}\r\n`;
  // As many bytes as characters: all of it is ASCII, which needs no transcoding.
  socket.write(chunk, sizeBytes === text.length ? "latin1" : "utf8");
}

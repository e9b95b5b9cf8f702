// One TCP connection between a decode and a prefill engine: frames both ways, and a heartbeat by which each side knows
// that the other one lives.
import { connect, Socket } from "node:net";
import type { ZodType } from "zod";
import { peerGone, protocolFault } from "../disagg-errors.ts";
import { FrameReader } from "./frame-reader.ts";

/** What is read at once where it is not known yet what comes. */
const scratchBytes = 1 << 16;
/** How often each side says that it lives, whatever the other one's time-out. */
const heartbeatMs = 1_000;
const looksPerTimeout = 6;

export class PeerConnection<Incoming extends { type: string }, Outgoing extends { type: string }> {
  readonly address: string;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #timer: NodeJS.Timeout;
  #hasHeard = false;
  #silentMs = 0;
  #onClose: (error: Error) => void;
  #isClosed = false;

  constructor(options: {
    /** One that came, or where to go. Payloads are read without a copy by who goes. */
    socket: Socket | { readonly host: string; readonly port: number };
    /** A peer from which nothing came for so long is gone. */
    peerTimeoutMs: number;
    /** Of what comes in. */
    schema: ZodType<Incoming>;
    maxPayloadBytes: () => number;
    allocate: (sizeBytes: number) => ArrayBuffer;
    onMessage: (message: Incoming, payload: ArrayBuffer | null) => void;
    /** Once; nothing comes after it. */
    onClose: (error: Error) => void;
  }) {
    const { peerTimeoutMs, onMessage } = options;
    const lookMs = Math.min(heartbeatMs, peerTimeoutMs / looksPerTimeout);
    this.#onClose = options.onClose;
    this.#reader = new FrameReader({
      maxPayloadBytes: options.maxPayloadBytes,
      allocate: options.allocate,
      onFrame: (header, payload) => {
        const { success, data, error } = options.schema.safeParse(header);
        if (!success) {
          const { path, message } = error.issues[0]!;
          throw protocolFault(`a message is not valid: ${path.join(".")}: ${message}`);
        }
        if (data.type !== "ping") onMessage(data, payload);
      },
    });
    if (options.socket instanceof Socket) {
      this.#socket = options.socket;
      this.address = `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
      this.#socket.on("data", (chunk: Buffer) => this.#read(chunk, chunk.length));
    } else {
      this.address = `${options.socket.host}:${options.socket.port}`;
      this.#socket = this.#connect(options.socket);
    }
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on("error", (error) => this.close(peerGone(this.address, error.message)));
    socket.on("close", () => this.close(peerGone(this.address, "it closed the connection")));
    let lookedMs = performance.now();
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      // What came while this side stood still is read behind the timers.
      const stoodStill = nowMs - lookedMs > 1.5 * lookMs;
      const passedMs = stoodStill ? 0 : nowMs - lookedMs;
      lookedMs = nowMs;
      this.#silentMs = this.#hasHeard ? 0 : this.#silentMs + passedMs;
      this.#hasHeard = false;
      if (this.#silentMs >= peerTimeoutMs - lookMs) {
        const silentMs = Math.round(this.#silentMs + lookMs);
        this.close(peerGone(this.address, `nothing came from it for ${silentMs} ms`));
      } else {
        this.#write('{"type":"ping"}', null);
      }
    }, lookMs);
    this.#timer.unref();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** `payload`: not to be touched until `onSent`, which is called in any case. */
  send(message: Outgoing, payload: Uint8Array | null = null, onSent?: () => void): void {
    if (this.#isClosed) {
      onSent?.();
      return;
    }
    this.#write(JSON.stringify(message), payload, onSent);
  }

  close(error: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    // What was said last still goes out, to who takes it.
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), 100).unref();
    this.#onClose(error);
  }

  #connect(to: { readonly host: string; readonly port: number }): Socket {
    const scratch = Buffer.allocUnsafe(scratchBytes);
    let target: Uint8Array | null = null;
    return connect({
      ...to,
      onread: {
        buffer: () => {
          target = this.#isClosed ? null : this.#reader.target;
          return target ?? scratch;
        },
        callback: (count) => {
          this.#read(target === null ? scratch.subarray(0, count) : null, count);
          return true;
        },
      },
    });
  }

  /** `chunk`: `null` = the bytes are in the reader's target. */
  #read(chunk: Buffer | null, count: number): void {
    this.#hasHeard = true;
    if (this.#isClosed) return;
    try {
      if (chunk !== null) this.#reader.push(chunk);
      else this.#reader.filled(count);
    } catch (error) {
      this.close(error as Error);
    }
  }

  #write(header: string, payload: Uint8Array | null, onSent?: () => void): void {
    const headerBytes = Buffer.byteLength(header);
    const head = Buffer.allocUnsafe(8 + headerBytes);
    head.writeUInt32LE(headerBytes, 0);
    head.writeUInt32LE(payload?.byteLength ?? 0, 4);
    head.write(header, 8);
    if (payload === null) {
      this.#socket.write(head, () => onSent?.());
      return;
    }
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(payload, () => onSent?.());
    this.#socket.uncork();
  }
}

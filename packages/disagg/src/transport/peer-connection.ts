// One TCP connection between a decode and a prefill engine: frames both ways, and a heartbeat by which each side knows
// that the other one lives.
import type { Socket } from "node:net";
import { peerGone } from "../disagg-errors.ts";
import { FrameReader } from "./frame-reader.ts";

export class PeerConnection<Incoming extends { type: string }, Outgoing extends { type: string }> {
  readonly address: string;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  #heardMs = performance.now();
  #onClose: (error: Error) => void;
  #isClosed = false;

  constructor(options: {
    socket: Socket;
    heartbeatMs: number;
    maxPayloadBytes: () => number;
    allocate: (sizeBytes: number) => ArrayBuffer;
    onMessage: (message: Incoming, payload: ArrayBuffer | null) => void;
    /** Once; nothing comes after it. */
    onClose: (error: Error) => void;
  }) {
    const { socket, heartbeatMs, onMessage } = options;
    this.#socket = socket;
    this.#onClose = options.onClose;
    this.address = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.setNoDelay(true);
    const reader = new FrameReader({
      maxPayloadBytes: options.maxPayloadBytes,
      allocate: options.allocate,
      onFrame: (header, payload) => {
        const message = header as Incoming;
        if (message.type !== "ping") onMessage(message, payload);
      },
    });
    socket.on("data", (chunk: Buffer) => {
      this.#heardMs = performance.now();
      if (this.#isClosed) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.close(error as Error);
      }
    });
    socket.on("error", (error) => this.close(peerGone(this.address, error.message)));
    socket.on("close", () => this.close(peerGone(this.address, "it closed the connection")));
    this.#timer = setInterval(() => {
      const silentMs = performance.now() - this.#heardMs;
      if (silentMs > 2 * heartbeatMs) {
        this.close(peerGone(this.address, `nothing came from it for ${Math.round(silentMs)} ms`));
      } else {
        this.#write(Buffer.from('{"type":"ping"}'), null);
      }
    }, heartbeatMs);
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
    this.#write(Buffer.from(JSON.stringify(message)), payload, onSent);
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

  #write(header: Buffer, payload: Uint8Array | null, onSent?: () => void): void {
    const prefix = Buffer.allocUnsafe(8);
    prefix.writeUInt32LE(header.length, 0);
    prefix.writeUInt32LE(payload?.byteLength ?? 0, 4);
    this.#socket.cork();
    this.#socket.write(prefix);
    if (payload === null) {
      this.#socket.write(header, () => onSent?.());
    } else {
      this.#socket.write(header);
      this.#socket.write(payload, () => onSent?.());
    }
    this.#socket.uncork();
  }
}

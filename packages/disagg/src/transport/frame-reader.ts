// A frame: u32 header bytes, u32 payload bytes (little endian), a header in JSON, a payload. Payloads are read straight
// into buffers of the receiver's: by the socket itself where it can be told to (`target`), else by one copy (`push`).
import { protocolFault } from "../disagg-errors.ts";

/** Log-probabilities of a long prompt are the largest header there is. */
const maxHeaderBytes = 64 << 20;
const prefixBytes = 8;
/** Below it one more call costs more than a copy. */
const leastTargetBytes = 1 << 16;

export interface FrameReaderOptions {
  readonly maxPayloadBytes: () => number;
  /** A buffer that holds so many bytes. */
  readonly allocate: (sizeBytes: number) => ArrayBuffer;
  readonly onFrame: (header: unknown, payload: ArrayBuffer | null) => void;
}

export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #prefix = Buffer.alloc(prefixBytes);
  #prefixFilled = 0;
  #header: Buffer | null = null;
  #headerFilled = 0;
  #payload: ArrayBuffer | null = null;
  #payloadBytes = 0;
  #payloadFilled = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Where the next bytes may be read to directly, then told to `filled`; `null` = they are to be given to `push`. */
  get target(): Uint8Array | null {
    const header = this.#header;
    if (header === null || this.#headerFilled < header.length || this.#payload === null)
      return null;
    const left = this.#payloadBytes - this.#payloadFilled;
    return left < leastTargetBytes
      ? null
      : new Uint8Array(this.#payload, this.#payloadFilled, left);
  }

  /** So many bytes are in `target`. */
  filled(count: number): void {
    this.#payloadFilled += count;
    this.#endIfWhole();
  }

  /** Throws DYN_DISAGG_PROTOCOL; nothing can be read from this connection then. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#header === null) {
        const count = chunk.copy(this.#prefix, this.#prefixFilled, at);
        at += count;
        this.#prefixFilled += count;
        if (this.#prefixFilled === prefixBytes) this.#begin();
      } else if (this.#headerFilled < this.#header.length) {
        const count = chunk.copy(this.#header, this.#headerFilled, at);
        at += count;
        this.#headerFilled += count;
      } else {
        const target = Buffer.from(this.#payload!, 0, this.#payloadBytes);
        const count = chunk.copy(target, this.#payloadFilled, at);
        at += count;
        this.#payloadFilled += count;
      }
      this.#endIfWhole();
    }
  }

  #begin(): void {
    const headerBytes = this.#prefix.readUInt32LE(0);
    this.#payloadBytes = this.#prefix.readUInt32LE(4);
    const most = this.#options.maxPayloadBytes();
    if (headerBytes === 0 || headerBytes > maxHeaderBytes || this.#payloadBytes > most) {
      throw protocolFault(
        `a frame announces ${headerBytes} and ${this.#payloadBytes} bytes, more than ${maxHeaderBytes} and ${most}`,
      );
    }
    this.#header = Buffer.allocUnsafe(headerBytes);
    this.#headerFilled = 0;
    this.#payload = this.#payloadBytes === 0 ? null : this.#options.allocate(this.#payloadBytes);
    this.#payloadFilled = 0;
  }

  #endIfWhole(): void {
    const header = this.#header;
    if (header === null || this.#headerFilled < header.length) return;
    if (this.#payloadFilled < this.#payloadBytes) return;
    const payload = this.#payload;
    this.#header = null;
    this.#payload = null;
    this.#prefixFilled = 0;
    let parsed: unknown;
    try {
      parsed = JSON.parse(header.toString("utf8"));
    } catch {
      throw protocolFault("a header is not JSON");
    }
    this.#options.onFrame(parsed, payload);
  }
}

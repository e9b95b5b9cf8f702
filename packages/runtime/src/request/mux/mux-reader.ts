// Frames off a mux connection, whatever the chunks they come in.
import { ByteQueue } from "../../codec/byte-queue.ts";
import { ProtocolError } from "../../codec/protocol-error.ts";
import { frameHeadBytes } from "./mux-frame.ts";

export type FrameHandler = (type: number, payload: Buffer) => void;

export class MuxReader {
  readonly #queue = new ByteQueue();
  readonly #maxPayloadBytes: number;

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** Hands on every frame that is whole now. Throws a ProtocolError for a frame over the limit. */
  receive(chunk: Buffer, handle: FrameHandler): void {
    this.#queue.push(chunk);
    for (;;) {
      const head = this.#queue.peek(frameHeadBytes);
      if (head === null) return;
      const length = head.readUInt32BE(1);
      if (length > this.#maxPayloadBytes) {
        throw new ProtocolError(
          `A frame of ${length} bytes is over the limit of ${this.#maxPayloadBytes}.`,
        );
      }
      const type = head[0]!;
      const frame = this.#queue.take(frameHeadBytes + length);
      if (frame === null) return;
      handle(type, frame.subarray(frameHeadBytes));
    }
  }
}

/** Calls `each` with every entry of a frame of items. Throws a ProtocolError for one that is cut short. */
export function readItems(
  payload: Buffer,
  each: (stream: number, start: number, end: number, isBare: boolean) => void,
): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = payload[at++];
      if (byte === undefined || scale > 2 ** 42) {
        throw new ProtocolError("A frame of items is cut short.");
      }
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  };
  while (at < payload.length) {
    const stream = varint();
    const head = varint();
    const start = at;
    at += Math.floor(head / 2);
    if (at > payload.length) throw new ProtocolError("A frame of items is cut short.");
    each(stream, start, at, head % 2 === 1);
  }
}

/** Throws a ProtocolError when a payload has another size. */
export function expectBytes(payload: Buffer, count: number, isExact = true): void {
  if (isExact ? payload.length === count : payload.length >= count) return;
  throw new ProtocolError(`A frame of ${payload.length} bytes should have ${count}.`);
}

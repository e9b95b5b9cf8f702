// What one side of a mux connection says in one turn of the event loop, in one piece: items of all streams that come
// one after the other share a frame.
import { frameHeadBytes, frameTypes } from "./mux-frame.ts";

const firstCapacity = 16 * 1024;
/** A frame of items is closed beyond this, so that its reader can begin. */
const itemsFrameBytes = 256 * 1024;

export class MuxWriter {
  #bytes = Buffer.allocUnsafeSlow(firstCapacity);
  #length = 0;
  /** Where the frame of items begins that may still grow; -1 = none. */
  #itemsAt = -1;
  #creditAt = -1;

  get length(): number {
    return this.#length;
  }

  /** What was said since the last time. */
  take(): Buffer {
    this.#closeFrames();
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(firstCapacity, ceilPowerOfTwo(this.#length)));
    this.#length = 0;
    return taken;
  }

  open(stream: number, subject: Buffer): void {
    this.#begin(frameTypes.open, 4 + subject.length);
    this.#u32(stream);
    this.#put(subject);
  }

  /** `isBare`: the bytes are the item's data alone. */
  item(stream: number, body: Uint8Array, isBare: boolean): void {
    if (this.#itemsAt !== -1 && this.#length - this.#itemsAt > itemsFrameBytes) this.#closeFrames();
    if (this.#itemsAt === -1) {
      this.#closeFrames();
      this.#itemsAt = this.#length;
      this.#begin(frameTypes.items, 0);
    }
    this.#reserve(10 + body.length);
    this.#varint(stream);
    this.#varint(body.length * 2 + (isBare ? 1 : 0));
    this.#bytes.set(body, this.#length);
    this.#length += body.length;
  }

  end(stream: number, status: number, record: Uint8Array): void {
    this.#begin(frameTypes.end, 5 + record.length);
    this.#u32(stream);
    this.#bytes[this.#length++] = status;
    this.#put(record);
  }

  credit(stream: number, weight: number): void {
    if (this.#creditAt === -1) {
      this.#closeFrames();
      this.#creditAt = this.#length;
      this.#begin(frameTypes.credit, 0);
    }
    this.#reserve(8);
    this.#u32(stream);
    this.#u32(weight);
  }

  stop(stream: number): void {
    this.#begin(frameTypes.stop, 4);
    this.#u32(stream);
  }

  kill(stream: number): void {
    this.#begin(frameTypes.kill, 4);
    this.#u32(stream);
  }

  withdraw(subject: Buffer): void {
    this.#begin(frameTypes.withdraw, subject.length);
    this.#put(subject);
  }

  ping(): void {
    this.#begin(frameTypes.ping, 0);
  }

  pong(): void {
    this.#begin(frameTypes.pong, 0);
  }

  #begin(type: number, payloadBytes: number): void {
    if (type !== frameTypes.items && type !== frameTypes.credit) this.#closeFrames();
    this.#reserve(frameHeadBytes + payloadBytes);
    this.#bytes[this.#length++] = type;
    this.#u32(payloadBytes);
  }

  #closeFrames(): void {
    this.#patch(this.#itemsAt);
    this.#patch(this.#creditAt);
    this.#itemsAt = -1;
    this.#creditAt = -1;
  }

  #patch(at: number): void {
    if (at !== -1) this.#bytes.writeUInt32BE(this.#length - at - frameHeadBytes, at + 1);
  }

  #u32(value: number): void {
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  #put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(ceilPowerOfTwo(this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function ceilPowerOfTwo(value: number): number {
  return value <= 1 ? 1 : 2 ** Math.ceil(Math.log2(value));
}

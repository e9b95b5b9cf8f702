// Writes MessagePack as msgspec and rmp do: shortest integers, 64-bit floats, keys in the given order.

export class MsgpackWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(sizeBytes = 1024) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  /** What was written; the writer is not used again. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  nil(): void {
    this.#u8(0xc0);
  }

  boolean(value: boolean): void {
    this.#u8(value ? 0xc3 : 0xc2);
  }

  arrayHead(length: number): void {
    if (length < 16) this.#u8(0x90 | length);
    else this.#head(length, null, 0xdc, 0xdd);
  }

  mapHead(length: number): void {
    if (length < 16) this.#u8(0x80 | length);
    else this.#head(length, null, 0xde, 0xdf);
  }

  /** Bytes that are MessagePack already, such as a key. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  string(text: string): void {
    const length = Buffer.byteLength(text);
    if (length < 32) this.#u8(0xa0 | length);
    else this.#head(length, 0xd9, 0xda, 0xdb);
    this.#reserve(length);
    this.#length += this.#bytes.write(text, this.#length, "utf8");
  }

  bin(bytes: Uint8Array): void {
    this.#head(bytes.length, 0xc4, 0xc5, 0xc6);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  float64(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xcb;
    this.#bytes.writeDoubleBE(value, this.#length + 1);
    this.#length += 9;
  }

  /** A safe integer. */
  integer(value: number): void {
    if (value >= 0) this.words(value >>> 0, Math.floor(value / 0x1_0000_0000), false);
    else this.words(value | 0, Math.floor(value / 0x1_0000_0000), true);
  }

  /** A bigint of up to 64 bits, signed or not. */
  bigint(value: bigint): void {
    this.words(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn), value < 0n);
  }

  /** A 64-bit integer given as two words; `isNegative`: its top bit is a sign. */
  words(low: number, high: number, isNegative: boolean): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const at = this.#length;
    low >>>= 0;
    high >>>= 0;
    if (isNegative) {
      if (high === 0xffff_ffff && low >= 0x8000_0000) this.#negative32(low | 0);
      else this.#wide(0xd3, low, high);
    } else if (high !== 0) {
      this.#wide(0xcf, low, high);
    } else if (low < 0x80) {
      bytes[at] = low;
      this.#length = at + 1;
    } else if (low < 0x100) {
      bytes[at] = 0xcc;
      bytes[at + 1] = low;
      this.#length = at + 2;
    } else if (low < 0x1_0000) {
      bytes[at] = 0xcd;
      bytes[at + 1] = low >>> 8;
      bytes[at + 2] = low;
      this.#length = at + 3;
    } else {
      bytes[at] = 0xce;
      this.#word(at + 1, low);
      this.#length = at + 5;
    }
  }

  /** The same bytes so many times; where they begin. For `patchWord` to fill in what differs. */
  repeat(bytes: Uint8Array, count: number): number {
    const start = this.#length;
    const total = bytes.length * count;
    this.#reserve(total);
    this.#bytes.set(bytes, start);
    for (let done = bytes.length; done < total; done *= 2) {
      this.#bytes.copyWithin(start + done, start, start + Math.min(done, total - done));
    }
    this.#length += total;
    return start;
  }

  /** Overwrites four bytes that were written. */
  patchWord(at: number, value: number): void {
    this.#word(at, value);
  }

  /** Plain data; keys with the value `undefined` are left out. */
  value(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.string(value);
        return;
      case "number":
        if (Number.isSafeInteger(value)) this.integer(value);
        else this.float64(value);
        return;
      case "bigint":
        this.bigint(value);
        return;
      case "boolean":
        this.boolean(value);
        return;
      case "object":
        this.#object(value);
        return;
      default:
        throw new TypeError(`A ${typeof value} cannot be sent.`);
    }
  }

  #object(value: object | null): void {
    if (value === null) this.nil();
    else if (value instanceof Uint8Array) this.bin(value);
    else if (Array.isArray(value)) {
      this.arrayHead(value.length);
      for (const item of value) this.value(item);
    } else {
      const entries = Object.entries(value).filter(([, item]) => item !== undefined);
      this.mapHead(entries.length);
      for (const [key, item] of entries) {
        this.string(key);
        this.value(item);
      }
    }
  }

  #negative32(value: number): void {
    const bytes = this.#bytes;
    const at = this.#length;
    if (value >= -32) {
      bytes[at] = value;
      this.#length = at + 1;
    } else if (value >= -0x80) {
      bytes[at] = 0xd0;
      bytes[at + 1] = value;
      this.#length = at + 2;
    } else if (value >= -0x8000) {
      bytes[at] = 0xd1;
      bytes[at + 1] = value >> 8;
      bytes[at + 2] = value;
      this.#length = at + 3;
    } else {
      bytes[at] = 0xd2;
      this.#word(at + 1, value);
      this.#length = at + 5;
    }
  }

  #wide(type: number, low: number, high: number): void {
    this.#bytes[this.#length] = type;
    this.#word(this.#length + 1, high);
    this.#word(this.#length + 5, low);
    this.#length += 9;
  }

  #word(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  /** Type bytes for 8-, 16- and 32-bit lengths; `null` = this width does not exist. */
  #head(length: number, type8: number | null, type16: number, type32: number): void {
    this.#reserve(5);
    const at = this.#length;
    if (length < 0x100 && type8 !== null) {
      this.#bytes[at] = type8;
      this.#bytes[at + 1] = length;
      this.#length = at + 2;
    } else if (length < 0x1_0000) {
      this.#bytes[at] = type16;
      this.#bytes.writeUInt16BE(length, at + 1);
      this.#length = at + 3;
    } else {
      this.#bytes[at] = type32;
      this.#bytes.writeUInt32BE(length, at + 1);
      this.#length = at + 5;
    }
  }

  #u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

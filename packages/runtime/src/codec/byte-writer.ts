/** Numbers for which room is made at a time: a long prompt needs one allocation, not one for each doubling. */
const runLength = 65_536;

/** Room that is kept from one value to the next. */
const keptBytes = 64 * 1024;

/** For one value after the other. Grows by doubling; numbers are big-endian. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A type byte and its number. */
  u16(type: number, value: number): void {
    this.#reserve(3);
    // By hand: token ids are written here, and the checks of writeUInt16BE cost more than the bytes.
    this.#bytes[this.#length] = type;
    this.#bytes[this.#length + 1] = value >>> 8;
    this.#bytes[this.#length + 2] = value;
    this.#length += 3;
  }

  u32(type: number, value: number): void {
    this.#reserve(5);
    this.#bytes[this.#length] = type;
    this.#bytes.writeUInt32BE(value, this.#length + 1);
    this.#length += 5;
  }

  u64(type: number, value: bigint): void {
    this.#reserve(9);
    this.#bytes[this.#length] = type;
    this.#bytes.writeBigUInt64BE(value, this.#length + 1);
    this.#length += 9;
  }

  f32(type: number, value: number): void {
    this.#reserve(5);
    this.#bytes[this.#length] = type;
    this.#bytes.writeFloatBE(value, this.#length + 1);
    this.#length += 5;
  }

  f64(type: number, value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = type;
    this.#bytes.writeDoubleBE(value, this.#length + 1);
    this.#length += 9;
  }

  /**
   * MessagePack's form of whole numbers from 0 to 2^32 - 1, each as short as it can be: from `start` on, up to the
   * first value that is none, whose index it gives. One pass: a prompt has tens of thousands of ids.
   */
  unsignedRun(values: ArrayLike<unknown>, start: number): number {
    const { length } = values;
    let i = start;
    while (i < length) {
      const end = Math.min(length, i + runLength);
      this.#reserve((end - i) * 5);
      const bytes = this.#bytes;
      let at = this.#length;
      for (; i < end; i++) {
        const value = values[i];
        if (typeof value !== "number" || value >>> 0 !== value || Object.is(value, -0)) break;
        if (value >= 0x80) {
          if (value >= 0x1_0000) {
            bytes[at++] = 0xce;
            bytes[at++] = value >>> 24;
            bytes[at++] = value >>> 16;
            bytes[at++] = value >>> 8;
          } else if (value >= 0x100) {
            bytes[at++] = 0xcd;
            bytes[at++] = value >>> 8;
          } else bytes[at++] = 0xcc;
        }
        bytes[at++] = value;
      }
      this.#length = at;
      if (i < end) break;
    }
    return i;
  }

  /**
   * A text of up to 31 ASCII characters behind a byte of `type` and its length; `false`, and nothing written, when it
   * is another. Field names are: asking for their size and having them encoded costs more than the bytes.
   */
  shortText(type: number, text: string): boolean {
    const { length } = text;
    if (length > 31) return false;
    this.#reserve(1 + length);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = type | length;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      bytes[at++] = unit;
    }
    this.#length = at;
    return true;
  }

  /** `length`: of the text in UTF-8 bytes. */
  utf8(text: string, length: number): void {
    this.#reserve(length);
    this.#bytes.write(text, this.#length, "utf8");
    this.#length += length;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Begins a new value, whatever became of the one before. */
  begin(): void {
    this.#length = 0;
  }

  /** What was written, as bytes of its own. */
  finish(): Buffer {
    const bytes = this.#bytes;
    const length = this.#length;
    if (bytes.length > keptBytes) {
      this.#bytes = Buffer.allocUnsafeSlow(4096);
      return bytes.subarray(0, length);
    }
    const own = Buffer.allocUnsafe(length);
    own.set(bytes.subarray(0, length));
    return own;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

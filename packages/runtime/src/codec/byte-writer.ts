/** Grows by doubling; numbers are big-endian. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(512);
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

  /** What was written; the writer is not used again. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

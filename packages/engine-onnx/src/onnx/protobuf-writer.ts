// Writes protobuf wire format, as much of it as ONNX models need: varint, 32 bit float, bytes, messages.

const text = new TextEncoder();

const wireVarint = 0;
const wireBytes = 2;
const wireFixed32 = 5;

/** One message: fields are appended in the order of the calls. */
export class ProtobufWriter {
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  /** int32, int64, enum and bool fields. */
  int(field: number, value: number | bigint): this {
    this.#varint((field << 3) | wireVarint);
    return this.#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint((field << 3) | wireFixed32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#append(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | wireBytes);
    this.#varint(value.length);
    return this.#append(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value));
  }

  message(field: number, value: ProtobufWriter): this {
    this.#varint((field << 3) | wireBytes);
    this.#varint(value.#sizeBytes);
    for (const chunk of value.#chunks) this.#append(chunk);
    return this;
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#sizeBytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }

  #append(bytes: Uint8Array): this {
    this.#chunks.push(bytes);
    this.#sizeBytes += bytes.length;
    return this;
  }

  /** Negative values take ten bytes of two's complement. */
  #varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    return this.#append(Uint8Array.from(bytes));
  }
}

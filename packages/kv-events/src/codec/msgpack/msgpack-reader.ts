// Reads MessagePack in place: block hashes go straight into typed arrays, so that no bigint and no object is made for
// a block. Lengths are checked against what is there before anything is allocated. Throws KvWireErrors.
import { KvWireError } from "../kv-wire-error.ts";
import type { KeySet } from "./msgpack-key.ts";

export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get position(): number {
    return this.#at;
  }

  set position(at: number) {
    this.#at = at;
  }

  /** The whole message, for whoever knows what stands at `position`. */
  get view(): DataView {
    return this.#view;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The type byte that comes next. */
  peek(): number {
    if (this.#at >= this.#bytes.length) throw new KvWireError("A MessagePack value is cut short.");
    return this.#bytes[this.#at]!;
  }

  get isString(): boolean {
    const type = this.peek();
    return (type & 0xe0) === 0xa0 || (type >= 0xd9 && type <= 0xdb);
  }

  get isBin(): boolean {
    const type = this.peek();
    return type >= 0xc4 && type <= 0xc6;
  }

  get isArray(): boolean {
    const type = this.peek();
    return (type & 0xf0) === 0x90 || type === 0xdc || type === 0xdd;
  }

  get isMap(): boolean {
    const type = this.peek();
    return (type & 0xf0) === 0x80 || type === 0xde || type === 0xdf;
  }

  get isInteger(): boolean {
    const type = this.peek();
    return type < 0x80 || type >= 0xe0 || (type >= 0xcc && type <= 0xd3);
  }

  /** Takes a nil if one comes next. */
  takeNil(): boolean {
    if (this.peek() !== 0xc0) return false;
    this.#at += 1;
    return true;
  }

  arrayLength(): number {
    const type = this.peek();
    if ((type & 0xf0) === 0x90) {
      this.#at += 1;
      return this.#checked(type & 0x0f, 1);
    }
    if (type === 0xdc) return this.#checked(this.#sized(2), 1);
    if (type === 0xdd) return this.#checked(this.#sized(4), 1);
    throw this.#unexpected("an array");
  }

  mapLength(): number {
    const type = this.peek();
    if ((type & 0xf0) === 0x80) {
      this.#at += 1;
      return this.#checked(type & 0x0f, 2);
    }
    if (type === 0xde) return this.#checked(this.#sized(2), 2);
    if (type === 0xdf) return this.#checked(this.#sized(4), 2);
    throw this.#unexpected("a map");
  }

  /** Takes the string that `key` holds, type byte included, if it comes next. */
  takeKey(key: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < key.length; i++) if (bytes[at + i] !== key[i]) return false;
    this.#at = at + key.length;
    return true;
  }

  /** The position among `keys` of the string that comes next, -1 for another one. `hint`: the one it likely is. */
  keyOf(keys: KeySet, hint: number): number {
    const { encoded } = keys;
    for (let i = 0; i < encoded.length; i++) {
      const at = hint + i < encoded.length ? hint + i : hint + i - encoded.length;
      if (this.takeKey(encoded[at]!)) return at;
    }
    return keys.names.indexOf(this.string());
  }

  string(): string {
    if (!this.isString) throw this.#unexpected("a string");
    const length = this.#byteLength();
    const from = this.#at;
    this.#at += length;
    return utf8(this.#bytes, from, this.#at);
  }

  /** A view of the message: copy what outlives it. */
  bin(): Uint8Array {
    if (!this.isBin) throw this.#unexpected("bytes");
    const length = this.#byteLength();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** An integer as two's complement into words[at] (low) and words[at + 1] (high). */
  int64(words: Uint32Array, at: number): void {
    const type = this.peek();
    // What hashes nearly always are, first.
    if (type === 0xcf || type === 0xd3) {
      this.#need(9);
      words[at + 1] = this.#view.getUint32(this.#at + 1);
      words[at] = this.#view.getUint32(this.#at + 5);
      this.#at += 9;
      return;
    }
    const value = this.#small();
    words[at] = value;
    words[at + 1] = value < 0 ? 0xffff_ffff : 0;
  }

  /** A token id. */
  uint32(): number {
    const type = this.#bytes[this.#at]!;
    if (type < 0x80) {
      this.#at += 1;
      return type;
    }
    const value = this.integer();
    if (typeof value === "bigint" || value < 0 || value > 0xffff_ffff) {
      throw new KvWireError(`${value} stands where a number from 0 to 4294967295 belongs.`);
    }
    return value;
  }

  /** A number while it is safe, a bigint beyond. */
  integer(): number | bigint {
    const type = this.peek();
    if (type !== 0xcf && type !== 0xd3) return this.#small();
    this.#need(9);
    const at = this.#at + 1;
    const value = type === 0xcf ? this.#view.getBigUint64(at) : this.#view.getBigInt64(at);
    this.#at += 9;
    const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return isSafe ? Number(value) : value;
  }

  safeInteger(): number {
    const value = this.integer();
    if (typeof value === "bigint") throw new KvWireError(`${value} is too large a number here.`);
    return value;
  }

  u64(): bigint {
    return BigInt.asUintN(64, BigInt(this.integer()));
  }

  i64(): bigint {
    return BigInt.asIntN(64, BigInt(this.integer()));
  }

  /** An integer or a float. */
  number(): number {
    const type = this.peek();
    if (type === 0xcb) {
      this.#need(9);
      this.#at += 9;
      return this.#view.getFloat64(this.#at - 8);
    }
    if (type === 0xca) {
      this.#need(5);
      this.#at += 5;
      return this.#view.getFloat32(this.#at - 4);
    }
    return Number(this.integer());
  }

  /** Anything, as plain data; integers as `integer` gives them. Nesting is bounded. */
  value(depth = 0): unknown {
    if (depth > 32) throw new KvWireError("A MessagePack value is nested more than 32 deep.");
    const type = this.peek();
    if (type === 0xc0 || type === 0xc2 || type === 0xc3) {
      this.#at += 1;
      return type === 0xc0 ? null : type === 0xc3;
    }
    if (this.isString) return this.string();
    if (this.isBin) return this.bin();
    if (this.isArray)
      return Array.from({ length: this.arrayLength() }, () => this.value(depth + 1));
    if (this.isMap) {
      const length = this.mapLength();
      const entries: [string, unknown][] = [];
      for (let i = 0; i < length; i++) {
        const key = String(this.value(depth + 1));
        entries.push([key, this.value(depth + 1)]);
      }
      return Object.fromEntries(entries);
    }
    return type === 0xca || type === 0xcb ? this.number() : this.integer();
  }

  /** Passes one value of any kind, however deep. */
  skip(): void {
    for (let left = 1; left > 0; left--) {
      const type = this.peek();
      if (this.isArray) left += this.arrayLength();
      else if (this.isMap) left += 2 * this.mapLength();
      else if (this.isString || this.isBin) this.#pass(this.#byteLength());
      else if (type === 0xc1) throw this.#unexpected("a value");
      else if (type < 0x80 || type >= 0xe0 || type <= 0xc3) this.#pass(1);
      else if (type === 0xcc || type === 0xd0) this.#pass(2);
      else if (type === 0xcd || type === 0xd1) this.#pass(3);
      else if (type === 0xca || type === 0xce || type === 0xd2) this.#pass(5);
      else if (type === 0xcb || type === 0xcf || type === 0xd3) this.#pass(9);
      else if (type >= 0xd4 && type <= 0xd8) this.#pass(2 + (1 << (type - 0xd4)));
      else if (type >= 0xc7 && type <= 0xc9) this.#pass(1 + this.#sized(1 << (type - 0xc7)));
    }
  }

  /** Every integer below 64 bits. */
  #small(): number {
    const type = this.peek();
    if (type < 0x80) {
      this.#at += 1;
      return type;
    }
    if (type >= 0xe0) {
      this.#at += 1;
      return type - 0x100;
    }
    const at = this.#at + 1;
    switch (type) {
      case 0xcc:
        this.#pass(2);
        return this.#view.getUint8(at);
      case 0xcd:
        this.#pass(3);
        return this.#view.getUint16(at);
      case 0xce:
        this.#pass(5);
        return this.#view.getUint32(at);
      case 0xd0:
        this.#pass(2);
        return this.#view.getInt8(at);
      case 0xd1:
        this.#pass(3);
        return this.#view.getInt16(at);
      case 0xd2:
        this.#pass(5);
        return this.#view.getInt32(at);
      default:
        throw this.#unexpected("an integer");
    }
  }

  /** Length of the string or bytes that come next; leaves their content next. */
  #byteLength(): number {
    const type = this.peek();
    if ((type & 0xe0) === 0xa0) {
      this.#at += 1;
      return this.#checked(type & 0x1f, 1);
    }
    const width = 1 << (type >= 0xd9 ? type - 0xd9 : type - 0xc4);
    return this.#checked(this.#sized(width), 1);
  }

  /** The number of `width` bytes behind the type byte. */
  #sized(width: number): number {
    this.#pass(1 + width);
    const at = this.#at - width;
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  /** Refuses a length that the message has no bytes for. */
  #checked(length: number, bytesEach: number): number {
    if (length * bytesEach > this.#bytes.length - this.#at) {
      throw new KvWireError("A MessagePack value is cut short.");
    }
    return length;
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) {
      throw new KvWireError("A MessagePack value is cut short.");
    }
  }

  #pass(bytes: number): void {
    this.#need(bytes);
    this.#at += bytes;
  }

  #unexpected(what: string): KvWireError {
    return new KvWireError(
      `A MessagePack value of type 0x${this.peek().toString(16)} stands where ${what} belongs.`,
    );
  }
}

function utf8(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("utf8");
}

// MessagePack as Dynamo 1.6.1 writes it: maps with string keys in the given order, shortest integers,
// 32-bit floats where marked. Reading is msgpackr's, writing is ours, since no library keeps float widths apart.

import { Float32, Float64, Uuid } from "@dyn/protocol";
import { Unpackr } from "msgpackr";
import { ByteWriter } from "./byte-writer.ts";
import { EncodedMsgpack } from "./encoded-msgpack.ts";
import type { PayloadCodec } from "./payload-codec.ts";

/** Numbers while they are safe integers, bigints beyond. msgpackr has this mode, its types do not name it. */
const int64AsAuto: object = { int64AsType: "auto" };
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, ...int64AsAuto });

/** Encoding is synchronous and asks nobody: one writer serves all. */
const writer = new ByteWriter();

export const msgpackCodec: PayloadCodec = {
  name: "msgpack",
  encode: (value) => {
    writer.begin();
    write(writer, value);
    return writer.finish();
  },
  decode: (bytes, start, end) =>
    end === undefined
      ? unpackr.unpack(bytes)
      : unpackr.unpack(bytes, { start, end } as unknown as number),
};

function write(to: ByteWriter, value: unknown): void {
  switch (typeof value) {
    case "string":
      writeString(to, value);
      return;
    case "number":
      writeNumber(to, value);
      return;
    case "boolean":
      to.u8(value ? 0xc3 : 0xc2);
      return;
    case "bigint":
      writeBigint(to, value);
      return;
    case "object":
      writeObject(to, value);
      return;
    case "undefined":
      to.u8(0xc0);
      return;
    default:
      throw new TypeError(`A ${typeof value} cannot be sent.`);
  }
}

function writeObject(to: ByteWriter, value: object | null): void {
  if (value === null) to.u8(0xc0);
  else if (value instanceof Float32) to.f32(0xca, value.value);
  else if (value instanceof Float64) to.f64(0xcb, value.value);
  else if (value instanceof EncodedMsgpack) to.bytes(value.bytes);
  else if (value instanceof Uuid) writeObject(to, value.toBytes());
  else if (value instanceof Uint8Array) {
    writeHead(to, value.length, [0xc4, 0xc5, 0xc6]);
    to.bytes(value);
  } else if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = value as ArrayLike<unknown>;
    if (items.length < 16) to.u8(0x90 | items.length);
    else writeHead(to, items.length, [null, 0xdc, 0xdd]);
    for (let i = to.unsignedRun(items, 0); i < items.length; i = to.unsignedRun(items, i + 1)) {
      write(to, items[i]);
    }
  } else {
    const fields = value as Readonly<Record<string, unknown>>;
    const keys = Object.keys(fields);
    let count = 0;
    for (const key of keys) if (fields[key] !== undefined) count += 1;
    if (count < 16) to.u8(0x80 | count);
    else writeHead(to, count, [null, 0xde, 0xdf]);
    for (const key of keys) {
      const item = fields[key];
      if (item === undefined) continue;
      writeString(to, key);
      write(to, item);
    }
  }
}

function writeString(to: ByteWriter, text: string): void {
  if (to.shortText(0xa0, text)) return;
  const length = Buffer.byteLength(text);
  if (length < 32) to.u8(0xa0 | length);
  else writeHead(to, length, [0xd9, 0xda, 0xdb]);
  to.utf8(text, length);
}

/** Type bytes for 8-, 16- and 32-bit lengths; `null` = this width does not exist. */
function writeHead(to: ByteWriter, length: number, types: [number | null, number, number]): void {
  if (length < 0x100 && types[0] !== null) {
    to.u8(types[0]);
    to.u8(length);
  } else if (length < 0x1_0000) to.u16(types[1], length);
  else to.u32(types[2], length);
}

function writeNumber(to: ByteWriter, value: number): void {
  if (!Number.isInteger(value) || Object.is(value, -0)) to.f64(0xcb, value);
  else if (!Number.isSafeInteger(value)) writeBigint(to, BigInt(value));
  else if (value >= 0) writeUnsigned(to, value);
  else if (value >= -32) to.u8(value & 0xff);
  else if (value >= -0x80) {
    to.u8(0xd0);
    to.u8(value & 0xff);
  } else if (value >= -0x8000) to.u16(0xd1, value & 0xffff);
  else if (value >= -0x8000_0000) to.u32(0xd2, value >>> 0);
  else to.u64(0xd3, BigInt.asUintN(64, BigInt(value)));
}

function writeUnsigned(to: ByteWriter, value: number): void {
  if (value < 0x80) to.u8(value);
  else if (value < 0x100) {
    to.u8(0xcc);
    to.u8(value);
  } else if (value < 0x1_0000) to.u16(0xcd, value);
  else if (value <= 0xffff_ffff) to.u32(0xce, value);
  else to.u64(0xcf, BigInt(value));
}

function writeBigint(to: ByteWriter, value: bigint): void {
  if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
    writeNumber(to, Number(value));
  } else if (value >= 0n && value < 2n ** 64n) to.u64(0xcf, value);
  else if (value < 0n && value >= -(2n ** 63n)) to.u64(0xd3, BigInt.asUintN(64, value));
  else throw new RangeError(`${value} does not fit 64 bits.`);
}

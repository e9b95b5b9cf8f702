// Between the bytes of a payload and plain data, for planes that encode values themselves.
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

/** Integers are numbers while they are safe, bigints beyond. */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  return new MsgpackReader(bytes).value();
}

/** As msgspec and rmp write it: shortest integers, 64-bit floats, keys in the given order. */
export function encodeMsgpack(value: unknown): Buffer {
  const to = new MsgpackWriter();
  to.value(value);
  return to.finish();
}

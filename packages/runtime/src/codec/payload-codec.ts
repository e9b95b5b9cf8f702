/** How bodies on the request plane are written; the instance record names the one it wants. */
export interface PayloadCodec {
  readonly name: "json" | "msgpack";
  encode(value: unknown): Uint8Array;
  /** Of all bytes, or of those from `start` to `end`. Integers beyond 2^53 come back as bigint. Throws on bytes that are no value of this codec. */
  decode(bytes: Uint8Array, start?: number, end?: number): unknown;
}

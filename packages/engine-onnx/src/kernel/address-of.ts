import koffi from "koffi";

let move:
  | ((to: ArrayBufferView, from: ArrayBufferView, sizeBytes: number) => bigint | number)
  | undefined;

/** Where a typed array lies. Valid as long as somebody keeps the array. */
export function addressOf(array: ArrayBufferView): bigint {
  // memmove answers with its first argument, and moves nothing here.
  move ??= koffi
    .load("libc.so.6")
    .func("uint64_t memmove(void *to, const void *from, size_t size)");
  return BigInt(move!(array, array, 0));
}

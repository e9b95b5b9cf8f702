// Gives the memory behind an array back while the array stays. Linux only: elsewhere nothing happens.
import koffi from "koffi";
import { addressOf } from "../kernel/address-of.ts";
import { memoryPageBytes } from "./reserved-memory.ts";

const adviceDontNeed = 4;

type Advise = (address: bigint, sizeBytes: number, advice: number) => number;

let advise: Advise | undefined;

/** Whole pages of it read as zeros afterwards, the bytes beside them stay. */
export function discardMemory(array: ArrayBufferView): void {
  if (process.platform !== "linux" || array.byteLength < memoryPageBytes) return;
  advise ??= koffi
    .load("libc.so.6")
    .func("int madvise(uint64_t at, size_t size, int advice)") as Advise;
  const pageBytes = BigInt(memoryPageBytes);
  const start = addressOf(array);
  const from = ((start + pageBytes - 1n) / pageBytes) * pageBytes;
  const to = ((start + BigInt(array.byteLength)) / pageBytes) * pageBytes;
  if (to > from) advise(from, Number(to - from), adviceDontNeed);
}

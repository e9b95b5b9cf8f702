// Gives freed memory back to the system. glibc keeps freed blocks of up to 32 MiB in its heap, which is where most weights
// lie: without this a released model stays resident (measured: 70 % of it), and after each load what the loading itself took (170 MB of
// 1.4 GB in float32; the first load takes it by maps of its own, later ones from the heap, for glibc learns from what was freed).
import koffi from "koffi";

type Trim = (keepBytes: number) => number;

let trim: Trim | null | undefined;

/** Does nothing where the C library is not glibc: the others give large blocks back themselves. */
export function trimHeap(): void {
  trim ??= findTrim();
  trim?.(0);
}

function findTrim(): Trim | null {
  if (process.platform !== "linux") return null;
  const library = koffi.load("libc.so.6");
  return library.func("int malloc_trim(size_t keepBytes)") as Trim;
}

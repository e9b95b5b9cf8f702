// Moves what a session has loaded into pages of 2 MiB. Every step reads all weights once; over pages of 4 KiB
// address translation and prefetching hold that reading back (measured: 17 to 21 GB/s, against 32 to 34).
// malloc cannot be asked for them from inside a process, so memory is collapsed after it was filled. Linux 6.1 or newer.
import { existsSync, readFileSync } from "node:fs";
import koffi from "koffi";
import { trimHeap } from "./trim-heap.ts";

type Advice = readonly [address: bigint, sizeBytes: number, advice: number];

interface Advise {
  /** Runs on a thread of libuv's pool. */
  async(...args: [...Advice, done: (error: unknown, result: number) => void]): void;
}

const hugePageBytes = 2n << 20n;
/** Of one call: what a process that ends meanwhile has to wait for. */
const sliceBytes = 64n << 20n;
const adviceCollapse = 25;
const mapsFile = "/proc/self/maps";

let advise: Advise | null | undefined;

/**
 * Runs `load`, and then, beside whatever comes next, collapses anonymous memory of the process that came with it (about
 * 2 ms of system time per MiB). A hint: where the system has no huge pages (left), does not know the hint, or the
 * memory is gone again, nothing changes. `moved` settles when all is done, and never fails.
 */
export function loadIntoHugePages<T>(load: () => T): { loaded: T; moved: Promise<void> } {
  advise ??= findAdvise();
  if (advise === null) return { loaded: load(), moved: Promise.resolve() };
  const before = anonymousRegions();
  const loaded = load();
  // Copies that were made and dropped on the way must neither stay nor be moved.
  trimHeap();
  const grown = [...anonymousRegions()].filter(([start, end]) => before.get(start) !== end);
  return { loaded, moved: collapse(advise, grown) };
}

async function collapse(
  advise: Advise,
  regions: readonly (readonly [start: bigint, end: bigint])[],
): Promise<void> {
  for (const [start, end] of regions) {
    const last = (end / hugePageBytes) * hugePageBytes;
    let at = ((start + hugePageBytes - 1n) / hugePageBytes) * hugePageBytes;
    while (at < last) {
      const size = last - at < sliceBytes ? last - at : sliceBytes;
      const slice: Advice = [at, Number(size), adviceCollapse];
      await new Promise<void>((done) => advise.async(...slice, () => done()));
      at += size;
    }
  }
}

function findAdvise(): Advise | null {
  if (process.platform !== "linux" || !existsSync(mapsFile)) return null;
  const library = koffi.load("libc.so.6");
  return library.func("int madvise(uint64_t at, size_t size, int advice)");
}

/** Start to end of writable private memory that belongs to no file. */
export function anonymousRegions(maps = readFileSync(mapsFile, "utf8")): Map<bigint, bigint> {
  const regions = new Map<bigint, bigint>();
  for (const [, start, end, name] of maps.matchAll(
    /^([\da-f]+)-([\da-f]+) rw-p \S+ \S+ \d+ *(.*)$/gm,
  )) {
    if (name === "" || name === "[heap]" || name?.startsWith("[anon:")) {
      regions.set(BigInt(`0x${start}`), BigInt(`0x${end}`));
    }
  }
  return regions;
}

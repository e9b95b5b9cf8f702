// Oracle: what the kernel says of the memory (/proc/self/smaps).
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { expect, test } from "vitest";
import { anonymousRegions, loadIntoHugePages } from "../src/runtime/huge-pages.ts";

const [major = 0, minor = 0] = release().split(".").map(Number);
const collapses =
  process.platform === "linux" &&
  major * 100 + minor >= 601 &&
  existsSync("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
if (!collapses) console.warn("SKIPPED: huge pages need Linux 6.1 or newer with THP");

test("regions without a file are read from the kernel's list", () => {
  const regions = anonymousRegions(`55d0c1a00000-55d0c1c00000 r-xp 00000000 fe:00 123 /usr/bin/node
55d0c2000000-55d0c2400000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000800000 rw-p 00000000 00:00 0 
7f0001000000-7f0001800000 rw-s 00000000 00:01 7                          /dev/shm/x
7f0002000000-7f0002800000 rw-p 00001000 fe:00 124                        /usr/lib/libc.so.6
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
7f0003000000-7f0003800000 ---p 00000000 00:00 0 
`);
  expect([...regions]).toEqual([
    [0x55d0c2000000n, 0x55d0c2400000n],
    [0x7f0000000000n, 0x7f0000800000n],
  ]);
});

test.skipIf(!collapses)(
  "memory that is filled while loading moves into huge pages, unchanged",
  async () => {
    const before = hugeKibibytes();
    const { loaded, moved } = loadIntoHugePages(() => Buffer.alloc(96 << 20, 7));
    await moved;
    expect(hugeKibibytes()).toBeGreaterThanOrEqual(before + (48 << 10));
    expect(loaded.equals(Buffer.alloc(loaded.length, 7))).toBe(true);
  },
);

function hugeKibibytes(): number {
  const rollup = readFileSync("/proc/self/smaps_rollup", "utf8");
  return Number(/^AnonHugePages:\s+(\d+) kB$/m.exec(rollup)?.[1]);
}

import fc from "fast-check";
import { expect, it } from "vitest";
import { createCrc32c } from "../src/checksum/create-crc32c.ts";
import { loadProcessMemory } from "../src/memory/process-memory.ts";
import { crc32cBitByBit } from "./pair/crc32c-bit-by-bit.ts";

const memory = await loadProcessMemory();
const crc32c = typeof memory === "string" ? memory : createCrc32c(memory);
if (typeof crc32c === "string") console.warn(`CRC-32C is not tested here: ${crc32c}`);
const compute = typeof crc32c === "string" ? () => 0 : crc32c;

it.skipIf(typeof crc32c === "string")("the examples of RFC 3720 and the check value", () => {
  expect(compute(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(compute(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(compute(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(compute(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(compute(new Uint8Array())).toBe(0);
});

it.skipIf(typeof crc32c === "string")("bytes of any length at any place", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2000 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 255 }),
      (length, offset, seed) => {
        const bytes = Uint8Array.from({ length: length + offset }, (_, i) => (i * 31) ^ seed);
        const view = bytes.subarray(offset);
        expect(compute(view)).toBe(crc32cBitByBit(view));
        // Two flipped bits, wherever they are, are noticed.
        if (length < 2) return;
        const before = compute(view);
        view[seed % length]! ^= 1;
        view[(seed + 1) % length]! ^= 128;
        expect(compute(view)).not.toBe(before);
      },
    ),
  );
});

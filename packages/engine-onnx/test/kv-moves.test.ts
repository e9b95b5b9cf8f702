// KV in and out of pages by machine code. Oracle: the same by JavaScript, and CRC-32C bit by bit.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KvElementType } from "../src/executor/kv-element-type.ts";
import { KvPages } from "../src/executor/kv-pages.ts";
import { OnnxKvStore } from "../src/executor/onnx-kv-store.ts";
import { KvMover } from "../src/kernel/kv-mover.ts";
import { whyNoKvMover } from "../src/kernel/processor-features.ts";

const why = whyNoKvMover();
if (why !== null) console.warn(`Moving KV by machine code is not tested here: ${why}.`);

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

interface Shape {
  readonly layerCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
  readonly elementType: KvElementType;
  readonly pageSize: number;
  readonly pageCount: number;
}

function bytesOf({ pools }: KvPages): Uint8Array[] {
  return pools.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Two stores over pages of the same content, one with machine code, one without. */
function stores(shape: Shape, seed: number) {
  const fill = (pages: KvPages) => {
    for (const [pool, bytes] of bytesOf(pages).entries()) fillBytes(bytes, seed + pool);
    return pages;
  };
  const { pageSize, pageCount, elementType } = shape;
  const [fast, plain] = [true, false].map((machineCode) => {
    const pages = fill(new KvPages(shape, pageSize, pageCount, elementType));
    return { pages, store: new OnnxKvStore(shape, pageSize, pages, machineCode) };
  });
  return { fast: fast!, plain: plain! };
}

function fillBytes(bytes: Uint8Array, seed: number): void {
  let state = seed | 1;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[i] = state >>> 24;
  }
}

const shapes = fc.record({
  layerCount: fc.integer({ min: 1, max: 2 }),
  kvHeadCount: fc.integer({ min: 1, max: 3 }),
  headDim: fc.constantFrom(1, 3, 8, 24, 33, 64, 128),
  elementType: fc.constantFrom<KvElementType>("float32", "float16"),
  pageSize: fc.constantFrom(1, 3, 4, 16),
});

describe.skipIf(why !== null)("by machine code", () => {
  test("any tokens in any pages leave and enter as by JavaScript, with their CRC-32C", () => {
    fc.assert(
      fc.property(
        shapes,
        fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { minLength: 1, maxLength: 20 }),
        // Neighbouring pages are one piece.
        fc.boolean(),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 70 }),
        fc.nat(1000),
        (shape, drawn, sideBySide, first, last, place, seed) => {
          const pages = Int32Array.from(drawn, (page, i) => (sideBySide ? i : page));
          const { fast, plain } = stores({ ...shape, pageCount: 40 }, seed);
          const tokenCount = pages.length * shape.pageSize;
          const start = first % tokenCount;
          const count = 1 + (last % (tokenCount - start));
          const sizeBytes = count * fast.store.layout.bytesPerToken;
          const run = (fill: number) => new Uint8Array(sizeBytes + place + 5).fill(fill);
          const view = (bytes: Uint8Array) => bytes.subarray(place, place + sizeBytes);

          const [out, expected] = [run(7), run(7)];
          const checksum = fast.store.exportTokens(pages, start, count, view(out));
          expect(plain.store.exportTokens(pages, start, count, view(expected))).toBeUndefined();
          // What lies beside the run stays.
          expect(Buffer.compare(out, expected)).toBe(0);
          expect(checksum).toBe(crc32c(view(expected)));

          fillBytes(view(out), seed + 99);
          expect(fast.store.importTokens(pages, start, count, view(out))).toBe(crc32c(view(out)));
          plain.store.importTokens(pages, start, count, view(out));
          for (const [pool, bytes] of bytesOf(fast.pages).entries()) {
            expect(Buffer.compare(bytes, bytesOf(plain.pages)[pool]!)).toBe(0);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test("pieces of every length up to some blocks of lanes", () => {
    const shape = { layerCount: 1, kvHeadCount: 1, headDim: 1, elementType: "float16" } as const;
    const { fast, plain } = stores({ ...shape, pageSize: 1, pageCount: 7000 }, 5);
    const pages = Int32Array.from({ length: 7000 }, (_, i) => i);
    for (let count = 1; count < 3500; count += count < 600 ? 1 : 37) {
      for (const place of [0, 2]) {
        const out = new Uint8Array(4 * count + place).subarray(place);
        const expected = new Uint8Array(4 * count);
        const checksum = fast.store.exportTokens(pages, count % 50, count, out);
        plain.store.exportTokens(pages, count % 50, count, expected);
        expect(Buffer.compare(out, expected)).toBe(0);
        expect(checksum).toBe(crc32c(expected));
        expect(fast.store.importTokens(pages, count % 50, count, out)).toBe(checksum);
      }
    }
  });

  test("a place outside the pages or the run never reaches it", () => {
    const shape: Shape = {
      layerCount: 1,
      kvHeadCount: 2,
      headDim: 8,
      elementType: "float32",
      pageSize: 4,
      pageCount: 6,
    };
    const pages = new KvPages(shape, 4, 6, "float32");
    const mover = new KvMover(pages, shape);
    const bytes = new Uint8Array(24 * 2 * 2 * 8 * 4);
    const move = (slot: number, length: number, run = bytes) =>
      mover.move("scatter", [{ token: 0, slot, length }], run);
    expect(() => move(0, 24)).not.toThrow();
    for (const [slot, length] of [
      [0, 25],
      [24, 1],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [Number.NaN, 1],
      [0, 2 ** 40],
    ] as const) {
      expect(() => move(slot, length)).toThrow(/are to be moved/);
    }
    expect(() => move(0, 24, bytes.subarray(1))).toThrow(/take 3072 bytes/);
    expect(() => mover.move("gather", [], bytes)).toThrow(/take 0 bytes/);
    // A buffer that was transferred has no memory any more.
    const gone = new Uint8Array(bytes.length);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(() => move(0, 1, gone)).toThrow(/the run has 0/);
  });
});

test.each([true, false])("what is not there is refused, machine code: %s", (machineCode) => {
  const shape = { layerCount: 1, kvHeadCount: 1, headDim: 8 };
  const store = new OnnxKvStore(shape, 4, new KvPages(shape, 4, 6, "float32"), machineCode);
  const bytes = new Uint8Array(8 * store.layout.bytesPerToken);
  const pages = Int32Array.of(1, 5);
  for (const [table, start, count] of [
    [pages, 0, 9],
    [pages, 7, 2],
    [pages, -1, 2],
    [pages, 0, 0],
    [pages, 0.5, 1],
    [Int32Array.of(6, 0), 0, 4],
    [Int32Array.of(-1, 0), 0, 4],
  ] as const) {
    expect(() => store.exportTokens(table, start, count, bytes)).toThrow();
    expect(() => store.importTokens(table, start, count, bytes)).toThrow();
  }
  expect(() => store.exportTokens(pages, 0, 8, bytes.subarray(1))).toThrow(/cannot be moved/);
});

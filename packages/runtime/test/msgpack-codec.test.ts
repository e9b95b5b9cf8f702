// Against msgpackr: what is written here is what it writes, byte for byte, and reads.
import fc from "fast-check";
import { Packr } from "msgpackr";
import { expect, it } from "vitest";
import { msgpackCodec } from "../src/codec/msgpack-codec.ts";

const reference = new Packr({ useRecords: false, variableMapSize: true });

const edges = [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, -1, -32, -33];
const integer = fc.oneof(
  fc.constantFrom(...edges),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
);
const text = fc.oneof(
  fc.string({ maxLength: 70 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("a".repeat(31), "a".repeat(32), "\u00e4".repeat(15), "\u00e4".repeat(16)),
);
const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    integer,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((it) => !Number.isInteger(it)),
    fc.array(tie("node"), { maxLength: 20 }),
    // msgpackr reads the name __proto__ as another, so that it sets no prototype.
    fc.dictionary(
      text.filter((name) => name !== "__proto__"),
      tie("node"),
      { maxKeys: 18 },
    ),
  ),
})).node;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

it("writes plain values as msgpackr does, and they read as they were", () => {
  fc.assert(
    fc.property(value, (it) => {
      const bytes = msgpackCodec.encode(it);
      expect(msgpackCodec.decode(bytes)).toEqual(it);
      expect(hex(bytes)).toBe(hex(reference.pack(it)));
    }),
    { numRuns: 500 },
  );
});

it("writes lists of numbers of any length and kind", () => {
  const odd = fc.constantFrom<unknown>(-1, 0.5, "x", null, 2 ** 40);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 9_000, size: "max" }),
      fc.array(fc.tuple(fc.nat(9_000), odd), { maxLength: 3 }),
      (ids, others) => {
        const list: unknown[] = [...ids];
        for (const [at, other] of others) list.splice(at, 0, other);
        expect(msgpackCodec.decode(msgpackCodec.encode(list))).toEqual(list);
        const packed = msgpackCodec.encode(Uint32Array.from(ids));
        expect(hex(packed)).toBe(hex(msgpackCodec.encode(ids)));
      },
    ),
    { numRuns: 30 },
  );
});

it("keeps the sign of a zero", () => {
  expect(Object.is((msgpackCodec.decode(msgpackCodec.encode([1, -0])) as number[])[1], -0)).toBe(
    true,
  );
});

it("gives bytes that later values leave alone", () => {
  const first = msgpackCodec.encode({ a: [1, 2, 3] });
  const before = hex(first);
  msgpackCodec.encode({ b: "x".repeat(100_000) });
  msgpackCodec.encode({ c: [9, 9, 9] });
  expect(hex(first)).toBe(before);
});

it("goes on behind a value that cannot be sent", () => {
  expect(() => msgpackCodec.encode({ a: [1, () => {}] })).toThrow("cannot be sent");
  expect(msgpackCodec.decode(msgpackCodec.encode({ a: 1 }))).toEqual({ a: 1 });
});

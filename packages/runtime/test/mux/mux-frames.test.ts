// Byte vectors of docs/design/response-mux.md, and frames in chunks of any size.
import fc from "fast-check";
import { expect, test } from "vitest";
import { msgpackCodec } from "../../src/codec/msgpack-codec.ts";
import {
  bytesToUuid,
  decodeGreeting,
  encodeGreeting,
  frameTypes,
  uuidToBytes,
} from "../../src/request/mux/mux-frame.ts";
import { MuxReader, readItems } from "../../src/request/mux/mux-reader.ts";
import { MuxWriter } from "../../src/request/mux/mux-writer.ts";
import {
  decodeControlMessage,
  encodeControlMessage,
} from "../../src/request/tcp/control-message.ts";

const uuid = "d971ac4a-2e3d-4023-bee2-f6e528823cfa";
const written = (write: (to: MuxWriter) => void) => {
  const writer = new MuxWriter();
  write(writer);
  return writer.take().toString("hex");
};

const vectors: [name: string, write: (to: MuxWriter) => void, hex: string][] = [
  [
    "open",
    (to) => to.open(1, uuidToBytes(uuid)),
    "0100000014" + "00000001" + "d971ac4a2e3d4023bee2f6e528823cfa",
  ],
  [
    "items of two streams in one frame",
    (to) => {
      to.item(1, msgpackCodec.encode({ token_ids: [7] }), true);
      to.item(300, msgpackCodec.encode({ data: 1 }), false);
    },
    "0200000019" + "01" + "1b" + "81a9746f6b656e5f6964739107" + "ac02" + "0e" + "81a46461746101",
  ],
  ["end, complete", (to) => to.end(1, 0, Buffer.alloc(0)), "0300000005" + "00000001" + "00"],
  [
    "end, error",
    (to) => to.end(2, 1, Buffer.from("{}")),
    "0300000007" + "00000002" + "01" + "7b7d",
  ],
  ["end, migrate", (to) => to.end(3, 2, Buffer.alloc(0)), "0300000005" + "00000003" + "02"],
  [
    "credit of two streams in one frame",
    (to) => {
      to.credit(1, 32_768);
      to.credit(2, 40_000);
    },
    "0400000010" + "0000000100008000" + "0000000200009c40",
  ],
  ["stop", (to) => to.stop(1), "0500000004" + "00000001"],
  ["kill", (to) => to.kill(1), "0600000004" + "00000001"],
  [
    "withdraw",
    (to) => to.withdraw(uuidToBytes(uuid)),
    "0900000010" + "d971ac4a2e3d4023bee2f6e528823cfa",
  ],
  ["ping", (to) => to.ping(), "0700000000"],
  ["pong", (to) => to.pong(), "0800000000"],
];

test.each(vectors)("%s", (_name, write, hex) => {
  expect(written(write)).toBe(hex);
});

test("a greeting names protocol, version and caller; anything else is none", () => {
  const greeting = encodeGreeting(uuid);
  expect(greeting.toString("hex")).toBe("44594e4d55580100d971ac4a2e3d4023bee2f6e528823cfa");
  expect(decodeGreeting(greeting)).toBe(uuid);
  expect(bytesToUuid(uuidToBytes(uuid))).toBe(uuid);
  const newer = Buffer.from(greeting);
  newer[6] = 2;
  expect(() => decodeGreeting(newer)).toThrow("version 2");
  expect(() => decodeGreeting(Buffer.alloc(24))).toThrow("greeting");
});

test("the offer stands beside a connection info that any peer can use; a version not spoken here is no offer", () => {
  const message = {
    id: "r",
    isBidirectional: false,
    codec: "msgpack",
    response: { host: "127.0.0.1", port: 1234, subject: uuid },
    requestStream: null,
    metadata: {},
  } as const;
  const mux = { callerId: uuid, window: 65_536 };
  const plain = JSON.parse(encodeControlMessage(message).toString());
  const offered = JSON.parse(encodeControlMessage({ ...message, mux }).toString());
  expect(offered).toEqual({
    ...plain,
    dyn_response_mux: { version: 1, caller: uuid, window: 65_536 },
  });
  const read = (value: object) => decodeControlMessage(Buffer.from(JSON.stringify(value)));
  expect(read(offered)).toEqual({ ...message, mux });
  expect(read(plain).mux).toBeUndefined();
  for (const odd of [{ ...offered.dyn_response_mux, version: 2 }, "yes", null]) {
    expect(read({ ...plain, dyn_response_mux: odd })).toEqual(message);
  }
});

test("property: frames come out as they went in, whatever the chunks", () => {
  const frame = fc.oneof(
    fc.record({
      type: fc.constant("item" as const),
      stream: fc.integer({ min: 1, max: 0xffff_ffff }),
      body: fc.uint8Array({ maxLength: 300 }),
      isBare: fc.boolean(),
    }),
    fc.record({ type: fc.constant("stop" as const), stream: fc.nat(0xffff_ffff) }),
    fc.record({
      type: fc.constant("credit" as const),
      stream: fc.nat(0xffff_ffff),
      weight: fc.nat(0xffff_ffff),
    }),
  );
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
      const writer = new MuxWriter();
      for (const it of frames) {
        if (it.type === "item") writer.item(it.stream, it.body, it.isBare);
        else if (it.type === "stop") writer.stop(it.stream);
        else writer.credit(it.stream, it.weight);
      }
      const bytes = writer.take();
      const read: unknown[] = [];
      const reader = new MuxReader(1 << 20);
      const handle = (type: number, payload: Buffer) => {
        if (type === frameTypes.items) {
          readItems(payload, (stream, start, end, isBare) => {
            const body = new Uint8Array(payload.subarray(start, end));
            read.push({ type: "item", stream, body, isBare });
          });
        } else if (type === frameTypes.stop) {
          read.push({ type: "stop", stream: payload.readUInt32BE(0) });
        } else {
          for (let at = 0; at < payload.length; at += 8) {
            const weight = payload.readUInt32BE(at + 4);
            read.push({ type: "credit", stream: payload.readUInt32BE(at), weight });
          }
        }
      };
      let at = 0;
      for (let i = 0; at < bytes.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? bytes.length);
        reader.receive(Buffer.from(bytes.subarray(at, end)), handle);
        at = end;
      }
      expect(read).toEqual(frames);
    }),
  );
});

test("a frame over the limit, and items cut short, are no frames", () => {
  const reader = new MuxReader(100);
  expect(() => reader.receive(Buffer.from("0200000065", "hex"), () => {})).toThrow(
    "over the limit",
  );
  for (const hex of ["01", "0119ff", "ffffffffffffffffff"]) {
    expect(() => readItems(Buffer.from(hex, "hex"), () => {})).toThrow("cut short");
  }
});

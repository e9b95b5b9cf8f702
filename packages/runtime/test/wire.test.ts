// Every recorded frame of Dynamo 1.6.1: decoded it says what was recorded, encoded again it is the same bytes.
import { readdirSync, readFileSync } from "node:fs";
import { requestToWire } from "@dyn/protocol";
import { describe, expect, test } from "vitest";
import { ByteQueue } from "../src/codec/byte-queue.ts";
import { jsonCodec, parseJson, stringifyJson } from "../src/codec/json-codec.ts";
import { msgpackCodec } from "../src/codec/msgpack-codec.ts";
import { decodeTwoPart, encodeTwoPart } from "../src/codec/two-part-message.ts";
import { encodeAcknowledgement, takeAcknowledgement } from "../src/request/tcp/acknowledgement.ts";
import { decodeControlMessage, encodeControlMessage } from "../src/request/tcp/control-message.ts";
import { encodeRequestFrame, takeRequestFrame } from "../src/request/tcp/request-frame.ts";

interface Vector {
  readonly name: string;
  readonly hex: string;
  // biome-ignore lint/suspicious/noExplicitAny: recorded data of many shapes
  readonly decoded: any;
}

const folder = new URL("./fixtures/wire/", import.meta.url);
const vectors = readdirSync(folder).map(
  (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Vector,
);
const named = (prefix: string) => vectors.filter(({ name }) => name.startsWith(prefix));
const codecs = { json: jsonCodec, msgpack: msgpackCodec };
const maxBytes = 32 * 1024 * 1024;

/** As recorded: big integers and binaries are marked in the vectors. */
function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== "object" || value === null) return value;
  if ("$int" in value) return BigInt(value.$int as string);
  if ("$bin" in value) return Buffer.from(value.$bin as string, "hex");
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, revive(field)]));
}

describe.each(named("req-"))("$name", ({ hex, decoded }) => {
  const bytes = Buffer.from(hex, "hex");
  const read = () => {
    const queue = new ByteQueue();
    // In odd pieces, as a socket may deliver them.
    for (let at = 0; at < bytes.length; at += 37) queue.push(bytes.subarray(at, at + 37));
    const result = takeRequestFrame(queue, maxBytes);
    if (result.type !== "frame") throw new Error(`no frame but ${result.type}`);
    return result.frame;
  };

  test("is read as recorded", () => {
    const frame = read();
    expect(frame.path).toBe(decoded.path);
    expect(frame.headers).toEqual(decoded.headers);
    const { header, body } = decodeTwoPart(frame.payload);
    expect(JSON.parse(header.toString())).toEqual(decoded.control);
    const codec = codecs[decoded.body_codec as "json" | "msgpack"];
    expect(codec.decode(body)).toEqual(revive(decoded.body));
  });

  test("is written as it was read", () => {
    const frame = read();
    expect(encodeRequestFrame(frame)).toEqual(bytes);
    const { header, body } = decodeTwoPart(frame.payload);
    expect(encodeControlMessage(decodeControlMessage(header)).toString()).toBe(header.toString());
    const codec = codecs[decoded.body_codec as "json" | "msgpack"];
    const again = codec.encode(requestToWire(codec.decode(body)));
    expect(Buffer.from(again).toString("hex")).toBe(body.toString("hex"));
  });
});

describe.each(named("ack-"))("$name", ({ hex, decoded }) => {
  test("is read and written as recorded", () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from(hex, "hex"));
    expect(takeAcknowledgement(queue)).toBe(decoded.text ?? "");
    expect(encodeAcknowledgement(decoded.text ?? "").toString("hex")).toBe(hex);
  });
});

describe.each([...named("resp-"), ...named("ctl-")])("$name", ({ hex, decoded }) => {
  test("is read and written as recorded", () => {
    const { header, body } = decodeTwoPart(Buffer.from(hex, "hex"));
    expect(header.length === 0 ? null : JSON.parse(header.toString())).toEqual(decoded.header);
    if (body.length > 0) {
      const codec = codecs[decoded.body_codec as "json" | "msgpack"];
      expect(codec.decode(body)).toEqual(revive(decoded.body));
      expect(Buffer.from(codec.encode(codec.decode(body))).toString("hex")).toBe(
        body.toString("hex"),
      );
    }
    expect(encodeTwoPart(header, body).toString("hex")).toBe(hex);
  });
});

test("JSON keeps integers of 64 bits, and leaves digits inside strings alone", () => {
  const text =
    '{"a":18446744073709551615,"b":"18446744073709551615","c":[-9223372036854775808,1],"d":"\\"12345678901234567890"}';
  const value = parseJson(text);
  expect(value).toEqual({
    a: 2n ** 64n - 1n,
    b: "18446744073709551615",
    c: [-(2n ** 63n), 1],
    d: '"12345678901234567890',
  });
  expect(stringifyJson(value)).toBe(text);
});

// Event records of Dynamo 1.6.1 as they were found in etcd: read, and written as the same text.
import { readFileSync } from "node:fs";
import { bucketOf, decodeRecord, encodeRecord } from "@dyn/runtime";
import { describe, expect, test } from "vitest";
import { bucketOfKey } from "../src/discovery/record.ts";

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/events/${name}`, import.meta.url), "utf8"));
const stored = [
  ...(read("discovery-event-records.json") as { key: string; value: unknown }[]).map(
    ({ key, value }) => ({ key, value: JSON.stringify(value) }),
  ),
  ...(read("etcd-nats-mocker.json") as { key: string; value_text: string }[])
    .filter(({ key }) => !key.startsWith("v1/mdc/"))
    .map(({ key, value_text }) => ({ key, value: value_text })),
];

describe.each(stored)("$key", ({ key, value }) => {
  test("is read, and written as the same key and text", () => {
    const record = decodeRecord(bucketOfKey(key), { key, value });
    expect(bucketOf(record)).toBe(bucketOfKey(key));
    expect(encodeRecord(record)).toEqual({ key, value });
  });
});

test("a transport that nobody here speaks is an error that names the record", () => {
  const [{ key, value }] = stored as [(typeof stored)[0]];
  const foreign = { key, value: value.replace('"Zmq"', '"ZmqBroker"') };
  expect(() => decodeRecord("v1/event_channels", foreign)).toThrow(key);
});

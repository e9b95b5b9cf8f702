// The event plane over ZMQ: Dynamo 1.6.1's bytes, then real sockets.
import { readdirSync, readFileSync } from "node:fs";
import { createMemHub, type EventChannelRecord, ZmqEventPlane } from "@dyn/runtime";
import { describe, expect, test } from "vitest";
import * as zmq from "zeromq";
import { decodeZmqFrames, encodeZmqFrames } from "../src/event/zmq-frames.ts";
import { eventPlaneConformance, meet } from "./conformance/event-plane.ts";

interface Recorded {
  readonly frames_hex: readonly string[];
  readonly envelope: {
    publisher_id: number;
    sequence: number;
    published_at: number;
    topic: string;
  };
}

const folder = new URL("./fixtures/events/", import.meta.url);
const recorded = readdirSync(folder)
  .filter((name) => name.startsWith("zmq-"))
  .flatMap((name) =>
    (JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Recorded[]).map(
      (vector, index) => [`${name} ${index}`, vector] as const,
    ),
  );

describe("recorded messages", () => {
  test.each(recorded)("%s is read and written as recorded", (_, { frames_hex, envelope }) => {
    const decoded = decodeZmqFrames(frames_hex.map((hex) => Buffer.from(hex, "hex")));
    expect({ ...decoded, payload: null }).toEqual({
      publisherId: BigInt(envelope.publisher_id),
      sequence: envelope.sequence,
      publishedAtMs: envelope.published_at,
      topic: envelope.topic,
      payload: null,
    });
    const frames = encodeZmqFrames(decoded).map((frame) => Buffer.from(frame).toString("hex"));
    expect(frames).toEqual(frames_hex);
  });

  test.each([
    ["a frame too few", (frames: Buffer[]) => frames.slice(0, 3)],
    ["another version", (frames: Buffer[]) => frames.with(3, Buffer.from([2, 0, 0, 0, 0]))],
    ["a body cut short", (frames: Buffer[]) => frames.with(3, frames[3]!.subarray(0, -1))],
    ["another publisher", (frames: Buffer[]) => frames.with(1, Buffer.alloc(8))],
    ["another sequence", (frames: Buffer[]) => frames.with(2, Buffer.alloc(8, 1))],
    ["a short number", (frames: Buffer[]) => frames.with(2, Buffer.alloc(4))],
    ["no envelope", (frames: Buffer[]) => frames.with(3, Buffer.from([1, 0, 0, 0, 1, 0xc1]))],
  ])("%s is refused", (_, damage) => {
    const frames = recorded[0]![1].frames_hex.map((hex) => Buffer.from(hex, "hex"));
    expect(() => decodeZmqFrames(damage(frames))).toThrow(/event/i);
  });
});

const hub = createMemHub();
const create = (options: object = {}) =>
  new ZmqEventPlane({ discovery: hub.createPlanes().discovery, host: "127.0.0.1", ...options });

eventPlaneConformance("zmq", async (options) => create(options));

const scope = { namespace: "dyn", component: "backend", endpoint: "generate" };
const channels = () => hub.createPlanes().discovery.list("v1/event_channels");

test("a publisher stands in discovery with its address while it lives", async () => {
  const plane = create();
  const publisher = await plane.createPublisher(scope, "kv-events");
  const [record] = (await channels()) as [EventChannelRecord];
  expect(record).toMatchObject({ scope, topic: "kv-events", publisherId: publisher.publisherId });
  expect(record.transport).toMatchObject({
    kind: "zmq",
    endpoint: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
  });
  await plane.close();
  expect(await channels()).toEqual([]);
});

test("a foreign publisher is followed by its record; gaps, strangers and garbage are counted", async () => {
  const socket = new zmq.Publisher({ linger: 0 });
  await socket.bind("tcp://127.0.0.1:*");
  const discovery = hub.createPlanes().discovery;
  const record: EventChannelRecord = {
    type: "eventChannel",
    scope,
    topic: "kv_metrics",
    publisherId: 7n,
    transport: { kind: "zmq", endpoint: socket.lastEndpoint! },
  };
  await discovery.put(record);
  const problems: string[] = [];
  const plane = create({ onProblem: (message: string) => problems.push(message) });
  const subscription = await plane.subscribe(scope, "kv_metrics");
  let sequence = 0;
  const message = (publisherId = 7n) =>
    encodeZmqFrames({
      publisherId,
      sequence,
      publishedAtMs: 1,
      topic: "kv_metrics",
      payload: Uint8Array.of(sequence % 256),
    });
  const events = subscription[Symbol.asyncIterator]();
  const first = events.next();
  while ((await Promise.race([first, wait(5)])) === undefined) {
    await socket.send(message());
    sequence += 1;
  }
  let last = (await first).value.sequence as number;
  sequence += 10;
  await socket.send(["kv_metrics", "garbage"]);
  await socket.send(["kv_metrics2", "another topic with this prefix"]);
  await socket.send(message(8n));
  await socket.send(message());
  while (last < sequence) last = (await events.next()).value.sequence;
  expect(subscription.missedCount).toBe(10);
  expect(subscription.rejectedCount).toBe(2);
  expect(problems).toHaveLength(1);
  await plane.close();
  await discovery.close();
  socket.close();
});

test("what does not fit before the socket is dropped, counted, and leaves a gap in the numbers", async () => {
  const plane = create({ capacity: 3 });
  const publisher = await plane.createPublisher(scope, "full");
  for (let i = 0; i < 10; i++) publisher.publish(Uint8Array.of(i));
  expect(publisher.droppedCount).toBe(7);
  await plane.close();
});

test("an address that is none costs that publisher alone", async () => {
  const discovery = hub.createPlanes().discovery;
  const transport = { kind: "zmq", endpoint: "no address" } as const;
  await discovery.put({ type: "eventChannel", scope, topic: "bad", publisherId: 1n, transport });
  const problems: string[] = [];
  const plane = create({ onProblem: (message: string) => problems.push(message) });
  const subscription = await plane.subscribe(scope, "bad");
  const publisher = await plane.createPublisher(scope, "bad");
  expect((await meet(publisher, subscription)).publisherId).toBe(publisher.publisherId);
  expect(problems).toEqual([expect.stringContaining("no address")]);
  await plane.close();
  await discovery.close();
});

function wait(forMs: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, forMs, undefined));
}

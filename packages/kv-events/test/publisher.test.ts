// The publisher against plain ZeroMQ sockets, which ask as SGLang's own clients do.

import {
  createKvEventPublisher,
  decodeEngineBatch,
  type KvEventPublisher,
  parseKvEventsConfig,
  toLocalEndpoint,
  toRankEndpoint,
} from "@dyn/kv-events";
import { InvalidArgumentError } from "@dyn/protocol";
import { afterEach, describe, expect, it } from "vitest";
import * as zmq from "zeromq";
import { readSglangRecording } from "./recording.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const { close } of open.splice(0).map((one) => ({ close: () => one.close() })))
    await close();
});

async function publish(options: object = {}): Promise<KvEventPublisher> {
  const config = parseKvEventsConfig({
    publisher: "zmq",
    endpoint: "tcp://127.0.0.1:*",
    replay_endpoint: "tcp://127.0.0.1:*",
    topic: "kv-events",
    ...options,
  });
  const publisher = await createKvEventPublisher({ config });
  open.push(publisher);
  return publisher;
}

async function askReplay(endpoint: string, sequence: bigint): Promise<Buffer[][]> {
  const dealer = new zmq.Dealer({ linger: 0, receiveTimeout: 10_000 });
  open.push(dealer);
  dealer.connect(endpoint);
  const number = Buffer.alloc(8);
  number.writeBigInt64BE(sequence);
  await dealer.send(["", number]);
  const answers: Buffer[][] = [];
  for (;;) {
    const frames = (await dealer.receive()) as Buffer[];
    answers.push(frames);
    if (frames[2]!.length === 0) return answers;
  }
}

const batchAt = (timestamp: number) => ({ timestamp, events: [{ type: "cleared" as const }] });

describe("--kv-events-config", () => {
  it("is read with SGLang's defaults", () => {
    expect(parseKvEventsConfig('{"publisher":"zmq","topic":"kv-events"}')).toEqual({
      publisher: "zmq",
      endpoint: "tcp://*:5557",
      replayEndpoint: null,
      bufferSteps: 10_000,
      highWaterMark: 100_000,
      maxQueueSize: 100_000,
      topic: "kv-events",
    });
    expect(parseKvEventsConfig("{}").publisher).toBe("null");
  });

  it.each([
    ["{publisher", /no JSON/],
    ['{"publisher":"kafka"}', /publisher/],
    ['{"endpoint":"localhost:1"}', /tcp:\/\/HOST:PORT/],
    ['{"endpoint":"tcp://*:70000"}', /tcp:\/\/HOST:PORT/],
    ['{"buffer_steps":0}', /buffer_steps/],
    ['{"bufer_steps":1}', /bufer_steps/],
  ])("%s is refused", (text, reason) => {
    expect(() => parseKvEventsConfig(text)).toThrow(InvalidArgumentError);
    expect(() => parseKvEventsConfig(text)).toThrow(reason);
  });
});

describe("endpoints of ranks", () => {
  it.each([
    ["tcp://*:5557", 0, "tcp://*:5557"],
    ["tcp://*:5557", 3, "tcp://*:5560"],
    ["tcp://[::]:5557", 1, "tcp://[::]:5558"],
    ["tcp://127.0.0.1:*", 3, "tcp://127.0.0.1:*"],
    ["inproc://kv", 2, "inproc://kv_dp2"],
  ])("%s for rank %i is %s", (endpoint, rank, expected) => {
    expect(toRankEndpoint(endpoint, rank)).toBe(expected);
  });

  it("without a place for the rank are refused", () => {
    expect(() => toRankEndpoint("ipc:///run/kv", 1)).toThrow(InvalidArgumentError);
    expect(() => toRankEndpoint("tcp://*:65535", 1)).toThrow(/65536/);
  });

  it("with a wildcard are reached over loopback", () => {
    expect(toLocalEndpoint("tcp://0.0.0.0:5557")).toBe("tcp://127.0.0.1:5557");
    expect(toLocalEndpoint("tcp://*:5557")).toBe("tcp://127.0.0.1:5557");
  });
});

describe("publisher", () => {
  it("sends three frames: topic, sequence, batch with its rank", async () => {
    const config = parseKvEventsConfig({
      publisher: "zmq",
      endpoint: "tcp://127.0.0.1:*",
      topic: "kv",
    });
    const publisher = await createKvEventPublisher({ config, dpRank: 2, encoding: "array" });
    open.push(publisher);
    const subscriber = new zmq.Subscriber({ linger: 0, receiveTimeout: 50 });
    open.push(subscriber);
    subscriber.subscribe("");
    subscriber.connect(publisher.endpoint!);
    let frames: Buffer[] | null = null;
    for (let i = 0; frames === null; i++) {
      publisher.publish(batchAt(i + 0.5));
      frames = (await subscriber.receive().catch(() => null)) as Buffer[] | null;
    }
    expect(frames).toHaveLength(3);
    expect(frames[0]!.toString()).toBe("kv");
    const sequence = Number(frames[1]!.readBigUInt64BE());
    expect(decodeEngineBatch(frames[2]!)).toMatchObject({
      timestamp: sequence + 0.5,
      events: [{ type: "cleared" }],
      dpRank: 2,
    });
  });

  it("answers a replay as the recorded server did, byte by byte", async () => {
    const recorded = readSglangRecording("0.5.21").get("replay-0")!;
    const publisher = await publish();
    for (const { frames } of recorded) {
      if (frames[2]!.length > 0) publisher.publish(decodeEngineBatch(frames[2]!));
    }
    const answers = await askReplay(publisher.replayEndpoint!, 0n);
    const toHex = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString("hex"));
    expect(publisher.sequence).toBe(recorded.length - 1);
    expect(answers.map(toHex)).toEqual(recorded.map(({ frames }) => toHex(frames)));
  });

  it("keeps the newest batches only, and a start beyond them gets the end alone", async () => {
    const publisher = await publish({ buffer_steps: 10 });
    for (let i = 0; i < 35; i++) publisher.publish(batchAt(i));
    const sequences = (await askReplay(publisher.replayEndpoint!, 0n)).map((frames) =>
      Number(frames[1]!.readBigInt64BE()),
    );
    expect(sequences).toEqual([25, 26, 27, 28, 29, 30, 31, 32, 33, 34, -1]);
    expect(await askReplay(publisher.replayEndpoint!, 1000n)).toHaveLength(1);
    expect(publisher.replayedCount).toBe(10);
  });

  it("survives questions that are none", async () => {
    const publisher = await publish();
    publisher.publish(batchAt(1));
    const dealer = new zmq.Dealer({ linger: 0 });
    open.push(dealer);
    dealer.connect(publisher.replayEndpoint!);
    await dealer.send(["", "short"]);
    await dealer.send(["x", "y", "z"]);
    expect(await askReplay(publisher.replayEndpoint!, 0n)).toHaveLength(2);
  });

  it("counts what its queue has no place for, and can still replay it", async () => {
    const publisher = await publish({ max_queue_size: 5 });
    for (let i = 0; i < 20; i++) publisher.publish(batchAt(i));
    expect(publisher.droppedCount).toBeGreaterThan(0);
    expect(await askReplay(publisher.replayEndpoint!, 0n)).toHaveLength(21);
  });

  it('is silent with "null"', async () => {
    const publisher = await createKvEventPublisher({ config: parseKvEventsConfig("{}") });
    publisher.publish(batchAt(1));
    expect(publisher).toMatchObject({ endpoint: null, sequence: 0 });
  });
});

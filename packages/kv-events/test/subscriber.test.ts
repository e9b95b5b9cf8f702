// The subscriber over real sockets: late joins, lossy links, publishers that are killed and come again.
import {
  createKvEventPublisher,
  createKvEventSubscriber,
  type KvEventDelivery,
  type KvEventPublisher,
  type KvEventSubscriber,
  parseKvEventsConfig,
} from "@dyn/kv-events";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import * as zmq from "zeromq";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** At the addresses of one that was closed; ZeroMQ gives them back a moment later. */
async function publishAgain(first: KvEventPublisher): Promise<KvEventPublisher> {
  await first.close();
  for (;;) {
    try {
      return await publish({
        endpoint: first.endpoint!.replace("127.0.0.1", "0.0.0.0"),
        replay_endpoint: first.replayEndpoint!.replace("127.0.0.1", "0.0.0.0"),
      });
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function publish(options: object = {}): Promise<KvEventPublisher> {
  const publisher = await createKvEventPublisher({
    config: parseKvEventsConfig({
      publisher: "zmq",
      endpoint: "tcp://127.0.0.1:*",
      replay_endpoint: "tcp://127.0.0.1:*",
      ...options,
    }),
  });
  open.push(publisher);
  return publisher;
}

let clock = 1000.5;
/** A batch by which the publisher can be told. */
function send(publisher: KvEventPublisher, count = 1): void {
  for (let i = 0; i < count; i++) {
    clock += 1;
    publisher.publish({
      timestamp: clock,
      events: [{ type: "removed", blockHashes: [BigInt(publisher.sequence)] }],
    });
  }
}

/** In short: the sequence of a batch, or why to start over. */
function tell(delivery: KvEventDelivery): number | string {
  return delivery.type === "batch" ? delivery.sequence : delivery.reason;
}

/** Reads until a batch with that number came; `nudge` keeps the publisher going. */
async function readUntil(
  subscriber: KvEventSubscriber,
  sequence: () => number,
  nudge: () => void = () => {},
): Promise<(number | string)[]> {
  const told: (number | string)[] = [];
  const nudging = setInterval(nudge, 20);
  try {
    for await (const delivery of subscriber) {
      told.push(tell(delivery));
      if (delivery.type === "batch" && delivery.sequence >= sequence()) return told;
    }
  } finally {
    clearInterval(nudging);
  }
  return told;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

async function follow(publisher: KvEventPublisher, options: object = {}) {
  const subscriber = await createKvEventSubscriber({
    endpoint: publisher.endpoint!,
    replayEndpoint: publisher.replayEndpoint,
    ...options,
  });
  open.push(subscriber);
  return subscriber;
}

describe("subscriber", () => {
  it("that joins late gets everything from the first batch on", async () => {
    const publisher = await publish();
    send(publisher, 50);
    const subscriber = await follow(publisher);
    const told = await readUntil(
      subscriber,
      () => 52,
      () => send(publisher),
    );
    expect(told).toEqual(range(0, told.length));
    expect(subscriber.counters).toMatchObject({ gaps: 0, missed: 0, resets: 0 });
    expect(subscriber.counters.replayed).toBeGreaterThanOrEqual(50);
  });

  it("that joins an engine which says nothing any more gets what it had said, each time", async () => {
    const publisher = await publish();
    send(publisher, 50);
    for (let round = 0; round < 10; round++) {
      const subscriber = await follow(publisher);
      expect(await readUntil(subscriber, () => 49)).toEqual(range(0, 50));
      expect(subscriber.counters).toMatchObject({ replayed: 50, missed: 0, resets: 0 });
      subscriber.close();
    }
    send(publisher);
    const last = await follow(publisher);
    expect(await readUntil(last, () => 50)).toEqual(range(0, 51));
  });

  it("gives each batch once and in order over a link that loses and repeats", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("pass", "pass", "lose", "twice", "late"), {
          minLength: 10,
          maxLength: 60,
        }),
        async (fates) => {
          const publisher = await publish();
          const link = new zmq.Publisher({ linger: 0 });
          open.push(link);
          await link.bind("tcp://127.0.0.1:*");
          const source = new zmq.Subscriber({ linger: 0, receiveTimeout: 10 });
          open.push(source);
          source.subscribe("");
          source.connect(publisher.endpoint!);
          const subscriber = await follow(publisher, { endpoint: link.lastEndpoint! });
          let received = -1;
          const take = async () => {
            const frames = (await source.receive().catch(() => null)) as Buffer[] | null;
            if (frames !== null) received = Number(frames[1]!.readBigUInt64BE());
            return frames;
          };
          // Both legs stand once a batch came through them, and not by a replay.
          let stands = false;
          const begun = (async () => {
            while (!stands) {
              send(publisher);
              const frames = await take();
              if (frames !== null) await link.send(frames);
            }
          })();
          const first: (number | string)[] = [];
          for await (const delivery of subscriber) {
            first.push(tell(delivery));
            if (delivery.type === "batch" && !delivery.isReplayed) break;
          }
          stands = true;
          await begun;
          while (received < publisher.sequence - 1) await take();
          const begin = publisher.sequence;
          const last = begin + fates.length;
          const reading = readUntil(subscriber, () => last);
          let late: Buffer[] | null = null;
          for (const fate of [...fates, "pass"]) {
            send(publisher);
            const frames = await receive(source);
            if (fate !== "lose" && fate !== "late") await link.send(frames);
            if (fate === "twice") await link.send(frames);
            if (late !== null) await link.send(late);
            late = fate === "late" ? frames : null;
          }
          const told = [...first, ...(await reading)];
          expect(told).toEqual(range(0, last + 1));
          expect(subscriber.counters).toMatchObject({ missed: 0, resets: 0, epochs: 0 });
        },
      ),
      { numRuns: 8 },
    );
  });

  it("starts over when the publisher comes again from 0", async () => {
    const first = await publish();
    const subscriber = await follow(first);
    send(first, 5);
    const before = await readUntil(
      subscriber,
      () => 5,
      () => send(first),
    );
    const second = await publishAgain(first);
    const after = await readUntil(
      subscriber,
      () => 2,
      () => send(second),
    );
    expect(before).toEqual(range(0, before.length));
    expect(after).toEqual(["epoch", ...range(0, after.length - 1)]);
    expect(subscriber.counters).toMatchObject({ epochs: 1, resets: 1, missed: 0 });
  });

  it("starts over when a new publisher has come, before that says anything", async () => {
    const first = await publish();
    const subscriber = await follow(first);
    send(first, 5);
    await readUntil(
      subscriber,
      () => 5,
      () => send(first),
    );
    const second = await publishAgain(first);
    const told: (number | string)[] = [];
    for await (const delivery of subscriber) {
      told.push(tell(delivery));
      if (delivery.type === "reset") break;
    }
    expect(told).toEqual(["epoch"]);
    expect(subscriber.counters).toMatchObject({ epochs: 1, resets: 1, missed: 0 });
    const after = await readUntil(
      subscriber,
      () => 2,
      () => send(second),
    );
    expect(after).toEqual(range(0, after.length));
  });

  it("notices a new publisher that is already further than the old one was", async () => {
    const first = await publish();
    const subscriber = await follow(first);
    send(first, 3);
    await readUntil(
      subscriber,
      () => 3,
      () => send(first),
    );
    const second = await publishAgain(first);
    send(second, 200);
    const after = await readUntil(
      subscriber,
      () => 200,
      () => send(second),
    );
    expect(after).toEqual(["epoch", ...range(0, after.length - 1)]);
  });

  it("starts over with what is left when the replay no longer reaches back", async () => {
    const publisher = await publish({ buffer_steps: 10 });
    send(publisher, 100);
    const subscriber = await follow(publisher);
    const told = await readUntil(
      subscriber,
      () => 100,
      () => send(publisher),
    );
    const firstKept = told[1] as number;
    expect(told).toEqual(["gap", ...range(firstKept, firstKept + told.length - 1)]);
    expect(firstKept).toBeGreaterThan(85);
    expect(subscriber.counters.missed).toBe(firstKept);
  });

  it("asks for a snapshot where nobody replays", async () => {
    const publisher = await publish({ replay_endpoint: null });
    send(publisher, 5);
    const subscriber = await follow(publisher, {
      snapshot: async () => [{ type: "removed", blockHashes: [77n] }],
    });
    const nudging = setInterval(() => send(publisher), 20);
    for await (const delivery of subscriber) {
      expect(delivery).toEqual({
        type: "reset",
        reason: "gap",
        events: [{ type: "removed", blockHashes: [77n] }],
      });
      break;
    }
    clearInterval(nudging);
    expect(subscriber.counters.missed).toBeGreaterThanOrEqual(5);
  });

  it("goes on behind a replay socket that is silent, and behind messages that are none", async () => {
    const silent = new zmq.Router({ linger: 0 });
    open.push(silent);
    await silent.bind("tcp://127.0.0.1:*");
    const source = new zmq.Publisher({ linger: 0 });
    open.push(source);
    await source.bind("tcp://127.0.0.1:*");
    const problems: string[] = [];
    const subscriber = await createKvEventSubscriber({
      endpoint: source.lastEndpoint!,
      replayEndpoint: silent.lastEndpoint!,
      replayTimeoutMs: 50,
      onProblem: (message) => problems.push(message),
    });
    open.push(subscriber);
    const number = Buffer.alloc(8, 0);
    number[7] = 9;
    const payload = Buffer.from("93cb3ff80000000000009000", "hex");
    const nudging = setInterval(() => {
      void source.send(["", "odd"]);
      void source.send(["", number, "garbage"]).catch(() => {});
      void source.send(["", number, payload]).catch(() => {});
    }, 20);
    const told: (number | string)[] = [];
    for await (const delivery of subscriber) {
      told.push(tell(delivery));
      if (told.length === 2) break;
    }
    clearInterval(nudging);
    expect(told).toEqual(["gap", 9]);
    expect(problems.join("\n")).toMatch(/cannot be replayed/);
  });

  it("ends when it is closed", async () => {
    const subscriber = await follow(await publish());
    const reading = readUntil(subscriber, () => 1);
    subscriber.close();
    expect(await reading).toEqual([]);
  });
});

async function receive(socket: zmq.Subscriber): Promise<Buffer[]> {
  for (;;) {
    const frames = await socket.receive().catch(() => null);
    if (frames !== null) return frames as Buffer[];
  }
}

// Every event that real SGLang servers published, over a socket through the relay onto the event plane.
import {
  createKvEventPublisher,
  decodeEngineBatch,
  decodeRouterEvents,
  type EngineEvent,
  parseKvEventsConfig,
  type RouterEvent,
} from "@dyn/kv-events";
import { createZmqRelay } from "@dyn/kv-relay";
import { createMemHub, DistributedRuntime, type EventSourceRecord } from "@dyn/runtime";
import { describe, expect, it } from "vitest";
import { contentOf, HeldBlocks } from "./oracle/held-blocks.ts";
import { readSglangMessages } from "./oracle/read-recording.ts";

const endpoint = "dyn://ns.backend.generate";
const scope = { namespace: "ns", component: "backend", endpoint: "generate" };

describe.each([
  ["0.5.19", "array"],
  ["0.5.21", "map"],
] as const)("SGLang %s", (version, encoding) => {
  it("is told to routers event by event, and the local index holds what its cache held", async () => {
    const batches = readSglangMessages(version).map((frames) => decodeEngineBatch(frames[2]!));
    const runtime = new DistributedRuntime(createMemHub().createPlanes());
    const subscription = await runtime.planes.eventPlane.subscribe(scope, "kv-events");
    const config = parseKvEventsConfig({
      publisher: "zmq",
      topic: "kv-events",
      endpoint: "tcp://*:*",
      replay_endpoint: "tcp://*:*",
    });
    await using publisher = await createKvEventPublisher({ config, encoding });
    await using relay = await createZmqRelay({
      runtime,
      endpoint,
      blockSize: 16,
      source: publisher.endpoint!,
      replaySource: publisher.replayEndpoint,
    });
    const sources = await runtime.planes.discovery.list("v1/event_sources");
    const source = sources[0] as EventSourceRecord;
    expect(source.recoveryTarget?.id.endpoint).toBe(
      `worker_kv_query_source_${source.publisherId.toString(16)}`,
    );
    for (const batch of batches) publisher.publish(batch);
    // A subscriber joins late at times: the last batch is said until it is heard, and what was missed is replayed.
    const end = batches.flatMap(({ events }) => events).length;
    const told: RouterEvent[] = [];
    const marks = setInterval(
      () => publisher.publish({ timestamp: Date.now() / 1000, events: [] }),
      20,
    );
    const expected = expectedEvents(batches.map(({ events }) => events));
    for await (const { payload, publisherId } of subscription) {
      expect(publisherId).toBe(source.publisherId);
      told.push(...decodeRouterEvents(payload));
      if (told.length >= expected.length) break;
    }
    clearInterval(marks);
    expect(end).toBeGreaterThan(10);
    expect(told.map(({ eventId }) => eventId)).toEqual(told.map((_, i) => i + 1));
    expect(told.map(spell)).toEqual(expected);
    const held = new HeldBlocks();
    for (const { events } of batches) for (const event of events) held.applyEngine(event);
    expect(contentOf(relay.relays[0]!.dump())).toEqual(held.content());
    await runtime.close();
  });
});

/** One event of ours for each of theirs: no two that stand in one batch of these recordings can be joined. */
function expectedEvents(batches: readonly (readonly EngineEvent[])[]): string[] {
  return batches.flatMap((events) => events.map(spellEngine));
}

function spellEngine(event: EngineEvent): string {
  if (event.type === "cleared") return "cleared";
  const ids = Array.from(event.blockHashes, (hash) => BigInt.asUintN(64, hash)).join(" ");
  if (event.type === "removed") return `removed ${ids}`;
  const parent = event.parentBlockHash;
  return `stored ${ids} below ${parent === null ? null : BigInt.asUintN(64, parent)}`;
}

function spell({ data }: RouterEvent): string {
  if (data.type === "cleared") return "cleared";
  const ids = Array.from(data.blockHashes).join(" ");
  return data.type === "removed" ? `removed ${ids}` : `stored ${ids} below ${data.parentHash}`;
}

// One relay on the planes: who finds it, what it leaves out, how it ends.
import { decodeRouterEvents, decodeWorkerLoad, type RouterEvent } from "@dyn/kv-events";
import { createLoadReporter, KvRelay, type LoadFigures } from "@dyn/kv-relay";
import {
  createMemHub,
  DistributedRuntime,
  type EventSourceRecord,
  type EventSubscription,
  type Planes,
  RequestContext,
  TcpRequestPlane,
} from "@dyn/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const endpoint = "dyn://ns.backend.generate";
const scope = { namespace: "ns", component: "backend", endpoint: "generate" };

let planes: Planes;
let runtime: DistributedRuntime;
beforeEach(() => {
  planes = createMemHub().createPlanes();
  runtime = new DistributedRuntime(planes);
});
afterEach(() => runtime.close());

/** Chained blocks of 4 tokens with these ids. */
function stored(ids: readonly number[], parent: number | null = null, blockSize = 4) {
  return {
    type: "stored" as const,
    blockHashes: ids.map(BigInt),
    parentBlockHash: parent === null ? null : BigInt(parent),
    tokenIds: Uint32Array.from(ids.flatMap((id) => Array<number>(blockSize).fill(id))),
    blockSize,
  };
}

const batch = (...events: Parameters<KvRelay["publish"]>[0]["events"]) => ({
  timestamp: 1,
  events,
});

async function take(subscription: EventSubscription, count: number): Promise<RouterEvent[][]> {
  const messages: RouterEvent[][] = [];
  for await (const { payload } of subscription) {
    messages.push(decodeRouterEvents(payload));
    if (messages.length === count) break;
  }
  return messages;
}

describe("a relay", () => {
  it("sends a message for each batch, with ids from 1 that follow one another", async () => {
    const subscription = await planes.eventPlane.subscribe(scope, "kv-events");
    await using relay = await KvRelay.open({ runtime, endpoint, blockSize: 4 });
    relay.publish(batch(stored([1, 2]), stored([3], 2)));
    relay.publish(batch({ type: "removed", blockHashes: [3n] }, stored([9])));
    relay.reset([stored([5])]);
    const messages = await take(subscription, 3);
    expect(
      messages.map((events) => events.map(({ eventId, data }) => [eventId, data.type])),
    ).toEqual([
      [[1, "stored"]],
      [
        [2, "removed"],
        [3, "stored"],
      ],
      [
        [4, "cleared"],
        [5, "stored"],
      ],
    ]);
    expect(relay.counters).toMatchObject({ messages: 3, events: 5, resets: 1, orphans: 0 });
    expect(relay.blockCount).toBe(1);
  });

  it("waits for the end of the turn, so that an engine's answers go first", async () => {
    await using relay = await KvRelay.open({ runtime, endpoint, blockSize: 4 });
    relay.publish(batch(stored([1])));
    expect(relay.counters.messages).toBe(0);
    expect(relay.dump()).toHaveLength(1);
  });

  it("leaves out batches of another rank and blocks of another size, and says each once", async () => {
    const onProblem = vi.fn();
    await using relay = await KvRelay.open({
      runtime,
      endpoint,
      blockSize: 4,
      dpRank: 1,
      onProblem,
    });
    for (let i = 0; i < 3; i++) {
      relay.publish({ ...batch(stored([1])), dpRank: 0 });
      relay.publish({ ...batch(stored([2], null, 8)), dpRank: 1 });
      relay.publish(batch(stored([4], 3)));
    }
    expect(relay.dump()).toEqual([]);
    expect(relay.counters).toMatchObject({ foreignBatches: 3, orphans: 3 });
    expect(onProblem.mock.calls.map(([message]) => message as string)).toEqual([
      expect.stringContaining("rank 0"),
      expect.stringContaining("blocks of 8 tokens"),
      expect.stringContaining("never told of"),
    ]);
  });

  it("without a local index has no query endpoint, and its source says so", async () => {
    await using _ = await KvRelay.open({
      ...{ runtime, endpoint, blockSize: 4, enableLocalIndexer: false, workerId: 77n },
      kvStateEndpoint: "labq.other.gen",
    });
    const [source] = (await planes.discovery.list("v1/event_sources")) as EventSourceRecord[];
    expect(source).toMatchObject({
      scope: { namespace: "labq", component: "other", endpoint: "gen" },
      worker: { workerId: 77n, dpRank: 0 },
      recoveryTarget: null,
    });
    expect(await planes.discovery.list("v1/instances")).toEqual([]);
  });

  it("leaves discovery when it is closed, and says nothing more", async () => {
    const relay = await KvRelay.open({ runtime, endpoint, blockSize: 4 });
    expect(await planes.discovery.list("v1/instances")).toHaveLength(1);
    await Promise.all([relay.close(), relay.close()]);
    relay.publish(batch(stored([1])));
    expect(await planes.discovery.list("v1/event_sources")).toEqual([]);
    expect(await planes.discovery.list("v1/instances")).toEqual([]);
    expect(relay.counters.messages).toBe(0);
  });

  it.each([true, false])(
    "is asked over TCP, answers on a shared connection: %s",
    async (responseMux) => {
      const server = new TcpRequestPlane();
      const client = new TcpRequestPlane({ responseMux });
      const own = new DistributedRuntime({ ...planes, requestPlane: server });
      await using relay = await KvRelay.open({ runtime: own, endpoint, blockSize: 4 });
      relay.publish(batch(stored([1, 2])));
      const [source] = (await planes.discovery.list("v1/event_sources")) as EventSourceRecord[];
      const body = { worker_id: own.instanceId, dp_rank: 0, kind: "recovery" };
      const items: unknown[] = [];
      for await (const item of client.call(source!.recoveryTarget!, body, new RequestContext())) {
        items.push(item);
      }
      expect(items).toMatchObject([
        { data: { TreeDump: { last_event_id: 1, reset_scope: "all" } } },
      ]);
      await client.close();
      await server.close();
    },
  );
});

describe("load reports", () => {
  it("are sent at once, on change, and again for who came later while there is load", async () => {
    vi.useFakeTimers();
    try {
      const subscription = await planes.eventPlane.subscribe(scope, "kv_metrics");
      let figures: LoadFigures = { kvUsedBlocks: 0 };
      let nowMs = 0;
      await using reporter = await createLoadReporter({
        ...{ runtime, endpoint, read: () => figures, now: () => nowMs },
        ...{ intervalMs: 100, repeatMs: 1000 },
      });
      const pass = (ms: number) => {
        for (let at = 0; at < ms; at += 100) {
          nowMs += 100;
          vi.advanceTimersByTime(100);
        }
        return reporter.reportCount;
      };
      expect(reporter.reportCount).toBe(1);
      expect(pass(5000)).toBe(1);
      figures = { kvUsedBlocks: 3 };
      figures = { kvUsedBlocks: 5 };
      expect(pass(900)).toBe(2);
      expect(pass(2000)).toBe(4);
      figures = { kvUsedBlocks: 0 };
      expect(pass(9000)).toBe(5);
      const used: (number | null)[] = [];
      for await (const { payload } of subscription) {
        const { workerId, dpRank, activeDecodeBlocks, kvUsedBlocks } = decodeWorkerLoad(payload);
        expect([workerId, dpRank, activeDecodeBlocks]).toEqual([runtime.instanceId, 0, null]);
        used.push(kvUsedBlocks);
        if (used.length === 5) break;
      }
      expect(used).toEqual([0, 5, 5, 5, 0]);
    } finally {
      vi.useRealTimers();
    }
  });
});

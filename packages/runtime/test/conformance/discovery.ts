import type { Discovery, DiscoveryEvent, DiscoveryRecord } from "@dyn/runtime";
import { recordKey, topicPath } from "@dyn/runtime";
import { afterEach, describe, expect, test } from "vitest";

const instance = (namespace: string, instanceId: bigint): DiscoveryRecord => ({
  type: "instance",
  instance: {
    id: { namespace, component: "backend", endpoint: "generate" },
    instanceId,
    transport: { mem: `${namespace}-${instanceId}` },
  },
});

/** What every discovery driver must do. `create` gives one more member of the same deployment. */
export function discoveryConformance(name: string, create: () => Promise<Discovery>): void {
  describe(`discovery ${name}`, () => {
    const open: Discovery[] = [];
    const join = async () => {
      const member = await create();
      open.push(member);
      return member;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((member) => member.close()));
    });

    test("one member's records are another's list, by bucket", async () => {
      const [a, b] = [await join(), await join()];
      const record = instance("dyn", a.instanceId);
      await a.put(record);
      expect(await b.list("v1/instances")).toEqual([record]);
      expect(await b.list("v1/mdc")).toEqual([]);
    });

    test("a prefix ends at a slash", async () => {
      const a = await join();
      await a.put(instance("foo", a.instanceId));
      await a.put(instance("foobar", a.instanceId));
      const found = await a.list("v1/instances", "foo");
      expect(found).toEqual([instance("foo", a.instanceId)]);
    });

    test("ids of the whole u64 range survive", async () => {
      const a = await join();
      const record = instance("dyn", 2n ** 64n - 1n);
      await a.put(record);
      expect(await a.list("v1/instances")).toEqual([record]);
      expect(recordKey(record)).toBe("v1/instances/dyn/backend/generate/ffffffffffffffff");
    });

    test("a watch tells what is there, then synced, then each change", async () => {
      const [a, b] = [await join(), await join()];
      const first = instance("dyn", a.instanceId);
      await a.put(first);
      const end = new AbortController();
      const seen: DiscoveryEvent[] = [];
      const watching = (async () => {
        for await (const event of b.watch("v1/instances", { signal: end.signal })) {
          seen.push(event);
          if (event.type === "synced") await a.put(instance("late", a.instanceId));
          if (event.type === "put" && event.key.includes("/late/"))
            await a.delete(recordKey(first));
          if (event.type === "delete") end.abort();
        }
      })();
      await watching;
      expect(seen.map((event) => event.type)).toEqual(["put", "synced", "put", "delete"]);
      expect(seen[3]).toEqual({ type: "delete", key: recordKey(first), isExpired: false });
    });

    test("a member that closes takes its records with it, and only its own", async () => {
      const [a, b] = [await join(), await join()];
      await a.put(instance("dyn", a.instanceId));
      await b.put(instance("dyn", b.instanceId));
      await a.close();
      expect(await b.list("v1/instances")).toEqual([instance("dyn", b.instanceId)]);
    });

    test("event records have buckets of their own, found by scope and topic", async () => {
      const [a, b] = [await join(), await join()];
      const scope = { namespace: "dyn", component: "backend", endpoint: "generate" };
      const channel = (topic: string): DiscoveryRecord => ({
        type: "eventChannel",
        scope,
        topic,
        publisherId: 2n ** 53n - 1n,
        transport: { kind: "zmq", endpoint: "tcp://192.0.2.2:1" },
      });
      const source: DiscoveryRecord = {
        type: "eventSource",
        scope,
        topic: "kv-events",
        publisherId: 7n,
        kvStateEndpoint: scope,
        worker: { workerId: 2n ** 53n - 1n, dpRank: 1 },
        recoveryTarget: { id: scope, instanceId: 3n, transport: { tcp: "192.0.2.2:1/x" } },
      };
      for (const record of [channel("kv-events"), channel("kv-events-2"), source])
        await a.put(record);
      expect(await b.list("v1/instances")).toEqual([]);
      expect(await b.list("v1/event_sources")).toEqual([source]);
      expect(await b.list("v1/event_channels")).toHaveLength(2);
      const prefix = topicPath(scope, "kv-events");
      expect(await b.list("v1/event_channels", prefix)).toEqual([channel("kv-events")]);
      await a.delete(recordKey(source));
      expect(await b.list("v1/event_sources")).toEqual([]);
    });

    test("two members have different ids", async () => {
      expect((await join()).instanceId).not.toBe((await join()).instanceId);
    });
  });
}

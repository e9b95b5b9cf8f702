// Against a real etcd: what a driver must do, and what it must survive.
import { type DiscoveryEvent, type DiscoveryRecord, EtcdDiscovery } from "@dyn/runtime";
import { EtcdServer } from "@dyn/testing";
import { Etcd3 } from "etcd3";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { discoveryConformance } from "./conformance/discovery.ts";

const server = await EtcdServer.start();

describe.skipIf(server === null)("etcd", () => {
  const etcd = server!;
  const endpoints = [etcd?.url ?? ""];
  const connect = (options: object = {}) => EtcdDiscovery.connect({ endpoints, ...options });

  beforeEach(async () => {
    const client = new Etcd3({ hosts: endpoints });
    await client.delete().all().exec();
    client.close();
  });
  afterAll(() => etcd.close());

  discoveryConformance("etcd", connect);

  const record = (instanceId: bigint): DiscoveryRecord => ({
    type: "instance",
    instance: {
      id: { namespace: "dyn", component: "backend", endpoint: "generate" },
      instanceId,
      transport: { tcp: "127.0.0.1:1/x", codec: "msgpack" },
    },
  });

  test("the instance id is the lease's, and the stored text is the reference's", async () => {
    const member = await connect();
    await member.put(record(member.instanceId));
    const client = new Etcd3({ hosts: endpoints });
    const hex = member.instanceId.toString(16);
    const key = `v1/instances/dyn/backend/generate/${hex}`;
    const answer = await client.getAll().prefix(key).exec();
    expect(answer.kvs[0]?.lease).toBe(member.instanceId.toString());
    expect(answer.kvs[0]?.value.toString()).toBe(
      `{"type":"Endpoint","component":"backend","endpoint":"generate","namespace":"dyn","instance_id":${member.instanceId},"transport":{"tcp":"127.0.0.1:1/x"},"request_plane_codec":"msgpack"}`,
    );
    client.close();
    await member.close();
  });

  test("a revoked lease is replaced: all records come back under a new one", async () => {
    const member = await connect({ leaseTtlSeconds: 2 });
    await member.put(record(member.instanceId));
    const seen: string[] = [];
    const end = new AbortController();
    const other = await connect();
    const watching = follow(other.watch("v1/instances", { signal: end.signal }), seen);
    await expect.poll(() => seen).toEqual(["put", "synced"]);
    const client = new Etcd3({ hosts: endpoints });
    await client.leaseClient.leaseRevoke({ ID: member.instanceId.toString() });
    await expect.poll(() => seen, { timeout: 15_000 }).toEqual(["put", "synced", "delete", "put"]);
    await expect.poll(() => member.epoch).toBe(2);
    expect(await other.list("v1/instances")).toEqual([record(member.instanceId)]);
    end.abort();
    await watching;
    client.close();
    await Promise.all([member.close(), other.close()]);
  });

  test("an etcd that restarts loses no record, and the watch goes on", async () => {
    const member = await connect({ leaseTtlSeconds: 5 });
    await member.put(record(member.instanceId));
    const seen: string[] = [];
    const end = new AbortController();
    const watching = follow(member.watch("v1/instances", { signal: end.signal }), seen);
    await expect.poll(() => seen).toEqual(["put", "synced"]);
    await etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await etcd.resume();
    const late = await connect();
    await late.put(record(late.instanceId));
    await expect
      .poll(() => seen.filter((type) => type === "put").length, { timeout: 15_000 })
      .toBe(2);
    expect(await late.list("v1/instances")).toHaveLength(2);
    end.abort();
    await watching;
    await Promise.all([member.close(), late.close()]);
  });

  test("a compaction under a watch costs nothing", async () => {
    const member = await connect();
    const seen: string[] = [];
    const end = new AbortController();
    const watching = follow(member.watch("v1/instances", { signal: end.signal }), seen);
    await expect.poll(() => seen).toEqual(["synced"]);
    const client = new Etcd3({ hosts: endpoints });
    for (let i = 0; i < 20; i++) await client.put("noise").value(i).exec();
    const { header } = await client.getAll().prefix("noise").exec();
    await client.kv.compact({ revision: header.revision, physical: true });
    await member.put(record(member.instanceId));
    await expect.poll(() => seen, { timeout: 10_000 }).toContain("put");
    end.abort();
    await watching;
    client.close();
    await member.close();
  });

  test("an etcd that hangs ends a call by its deadline, and is used again when it wakes", async () => {
    const member = await connect({ callTimeoutMs: 300 });
    etcd.freeze();
    try {
      await expect(member.list("v1/instances")).rejects.toMatchObject({
        code: "DYN_DISCOVERY_UNREACHABLE",
        status: 503,
      });
    } finally {
      etcd.thaw();
    }
    await expect
      .poll(() => member.list("v1/instances").catch(() => null), { timeout: 10_000 })
      .toEqual([]);
    await member.close();
  });

  test("an address where no etcd is says so", async () => {
    await expect(
      EtcdDiscovery.connect({ endpoints: ["http://127.0.0.1:1"], callTimeoutMs: 500 }),
    ).rejects.toThrow("etcd at http://127.0.0.1:1 does not answer");
  });
});

async function follow(events: AsyncIterable<DiscoveryEvent>, seen: string[]): Promise<void> {
  for await (const { type } of events) seen.push(type);
}

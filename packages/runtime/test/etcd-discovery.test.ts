// Against a real etcd: what a driver must do, and what it must survive.
import { readFileSync } from "node:fs";
import { type DiscoveryEvent, type DiscoveryRecord, EtcdDiscovery, recordKey } from "@dyn/runtime";
import { createTestCertificates, EtcdServer, FaultProxy } from "@dyn/testing";
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
    const member = await connect({ leaseTtlSeconds: 20 });
    await member.put(record(member.instanceId));
    const seen: string[] = [];
    const expired: boolean[] = [];
    const end = new AbortController();
    const other = await connect();
    const watching = follow(other.watch("v1/instances", { signal: end.signal }), seen, (event) => {
      if (event.type === "delete") expired.push(event.isExpired);
    });
    await expect.poll(() => seen).toEqual(["put", "synced"]);
    const client = new Etcd3({ hosts: endpoints });
    await client.leaseClient.leaseRevoke({ ID: member.instanceId.toString() });
    await expect.poll(() => seen).toEqual(["put", "synced", "delete", "put"]);
    expect(expired).toEqual([true]);
    await expect.poll(() => member.epoch).toBe(2);
    expect(await other.list("v1/instances")).toEqual([record(member.instanceId)]);
    end.abort();
    await watching;
    client.close();
    await Promise.all([member.close(), other.close()]);
  });

  test("an etcd that restarts loses no record, and the watch goes on", async () => {
    const member = await connect({ leaseTtlSeconds: 20 });
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
    await expect.poll(() => seen.filter((type) => type === "put").length).toBe(2);
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
    await expect.poll(() => seen).toContain("put");
    end.abort();
    await watching;
    client.close();
    await member.close();
  });

  test("an etcd that hangs ends a call by its deadline, and is used again when it wakes", async () => {
    const member = await connect({ callTimeoutMs: 3_000 });
    etcd.freeze();
    try {
      await expect(member.list("v1/instances")).rejects.toMatchObject({
        code: "DYN_DISCOVERY_UNREACHABLE",
        status: 503,
      });
    } finally {
      etcd.thaw();
    }
    await expect.poll(() => member.list("v1/instances").catch(() => null)).toEqual([]);
    await member.close();
  });

  test("a record that somebody deletes is put back, on the same lease", async () => {
    const [member, other] = [await connect(), await connect()];
    await member.put(record(member.instanceId));
    const client = new Etcd3({ hosts: endpoints });
    await expect
      .poll(async () => {
        await client.delete().prefix("v1/instances/").exec();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return other.list("v1/instances");
      })
      .toEqual([record(member.instanceId)]);
    expect(member.epoch).toBe(1);
    client.close();
    await Promise.all([member.close(), other.close()]);
  });

  test("an etcd that comes back without its data is filled again, and watchers notice nothing", async () => {
    const [member, other] = [await connect({ leaseTtlSeconds: 10 }), await connect()];
    await member.put(record(member.instanceId));
    const seen: string[] = [];
    const end = new AbortController();
    const watching = follow(other.watch("v1/instances", { signal: end.signal }), seen);
    await expect.poll(() => seen).toEqual(["put", "synced"]);
    await etcd.kill();
    etcd.wipe();
    await etcd.resume();
    const client = new Etcd3({ hosts: endpoints });
    await expect.poll(() => member.epoch).toBe(2);
    expect(await client.getAll().prefix("v1/instances/").count()).toBe(1);
    // Its revisions began anew, and its changes are told all the same.
    const late = await connect();
    await late.put(record(late.instanceId));
    await expect.poll(() => seen.filter((type) => type !== "synced")).toEqual(["put", "put"]);
    end.abort();
    await watching;
    client.close();
    await Promise.all([member.close(), other.close(), late.close()]);
  });

  test("behind a partition changes and a compaction are caught up with, by the difference", async () => {
    const proxy = await FaultProxy.listen(() => ({ host: "127.0.0.1", port: etcd.port }));
    const member = await connect();
    const cut = await EtcdDiscovery.connect({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    const [old, kept] = [record(member.instanceId), record(77n)];
    await member.put(old);
    await member.put(kept);
    const seen: string[] = [];
    const end = new AbortController();
    const watching = follow(cut.watch("v1/instances", { signal: end.signal }), seen);
    await expect.poll(() => seen).toEqual(["put", "put", "synced"]);
    proxy.silence();
    await member.delete(recordKey(old));
    await member.put(record(78n));
    const client = new Etcd3({ hosts: endpoints });
    const { header } = await client.getAll().prefix("v1/").exec();
    await client.kv.compact({ revision: header.revision, physical: true });
    // What waited is lost with its connections, as behind a network that dropped it.
    proxy.cut();
    proxy.speak();
    await expect
      .poll(() => seen.filter((type) => type !== "synced"))
      .toEqual(["put", "put", "put", "delete"]);
    end.abort();
    await watching;
    client.close();
    await Promise.all([member.close(), cut.close()]);
    await proxy.close();
  });

  test("a partition that nobody announces is noticed, and the watch goes on by another connection", async () => {
    const proxy = await FaultProxy.listen(() => ({ host: "127.0.0.1", port: etcd.port }));
    const member = await connect();
    const cut = await EtcdDiscovery.connect({ endpoints: [`http://127.0.0.1:${proxy.port}`] });
    const seen: string[] = [];
    const end = new AbortController();
    const watching = follow(cut.watch("v1/instances", { signal: end.signal }), seen);
    await expect.poll(() => seen).toEqual(["synced"]);
    proxy.silence();
    await member.put(record(member.instanceId));
    // The old connections stay silent for ever; only what is opened from now on passes.
    proxy.forget();
    await expect.poll(() => seen).toContain("put");
    end.abort();
    await watching;
    await Promise.all([member.close(), cut.close()]);
    await proxy.close();
  });

  test("a record is taken away although etcd is gone: it vanishes when it can", async () => {
    const problems: string[] = [];
    const onProblem = (message: string) => problems.push(message);
    const [member, other] = [
      await connect({ callTimeoutMs: 3_000, leaseTtlSeconds: 10, onProblem }),
      await connect(),
    ];
    await member.put(record(member.instanceId));
    await etcd.kill();
    await member.delete(recordKey(record(member.instanceId)));
    expect(problems).toContainEqual(expect.stringContaining("could not be deleted"));
    await etcd.resume();
    await expect.poll(() => other.list("v1/instances").catch(() => null)).toEqual([]);
    await Promise.all([member.close(), other.close()]);
  });

  test("an address where no etcd is says so", async () => {
    await expect(
      EtcdDiscovery.connect({ endpoints: ["http://127.0.0.1:1"], callTimeoutMs: 500 }),
    ).rejects.toThrow("etcd at http://127.0.0.1:1 does not answer");
  });
});

test("over TLS, with a certificate of this process where the server asks for one", async ({
  skip,
  onTestFinished,
}) => {
  const certificates = createTestCertificates("root");
  if (certificates === null) return skip();
  const { ca, serverCert: certFile, serverKey: keyFile, clientCert, clientKey } = certificates;
  const guarded = await EtcdServer.start({ tls: { certFile, keyFile, trustedCaFile: ca } });
  if (guarded === null) return skip();
  onTestFinished(async () => {
    await guarded.close();
    certificates.remove();
  });
  const connect = (tls: object) =>
    EtcdDiscovery.connect({ endpoints: [guarded.url], callTimeoutMs: 6_000, tls });
  const rootCertificate = readFileSync(ca);
  const member = await connect({
    rootCertificate,
    certificate: readFileSync(clientCert),
    privateKey: readFileSync(clientKey),
  });
  expect(await member.list("v1/instances")).toEqual([]);
  await member.close();
  await expect(connect({ rootCertificate })).rejects.toThrow("does not answer");
  // Nobody vouches for the server.
  await expect(connect({})).rejects.toThrow("does not answer");
});

test("with user and password, also after a restart that forgot the session", async ({
  skip,
  onTestFinished,
}) => {
  const guarded = await EtcdServer.start();
  if (guarded === null) return skip();
  onTestFinished(() => guarded.close());
  const endpoints = [guarded.url];
  const admin = new Etcd3({ hosts: endpoints });
  await admin.role("root").create();
  const root = await admin.user("root").create("secret");
  await root.addRole("root");
  await admin.auth.authEnable();
  admin.close();
  const user = { username: "root", password: "secret" };
  const problems: string[] = [];
  const member = await EtcdDiscovery.connect({
    endpoints,
    ...user,
    leaseTtlSeconds: 20,
    onProblem: (message) => problems.push(message),
  });
  const id = { namespace: "dyn", component: "backend", endpoint: "generate" };
  const put = (instanceId: bigint) =>
    member.put({ type: "instance", instance: { id, instanceId, transport: { tcp: "a:1/x" } } });
  await put(1n);
  await expect(
    EtcdDiscovery.connect({ endpoints, username: "root", password: "wrong" }),
  ).rejects.toThrow("ETCD_AUTH_");
  const seen: string[] = [];
  const end = new AbortController();
  const watching = follow(member.watch("v1/instances", { signal: end.signal }), seen);
  await expect.poll(() => seen).toEqual(["put", "synced"]);
  await guarded.kill();
  await guarded.resume();
  await expect.poll(() => put(2n).then(() => "put")).toBe("put");
  await expect.poll(() => seen.filter((type) => type !== "synced")).toEqual(["put", "put"]);
  end.abort();
  await watching;
  await member.close();
});

async function follow(
  events: AsyncIterable<DiscoveryEvent>,
  seen: string[],
  onEvent: (event: DiscoveryEvent) => void = () => {},
): Promise<void> {
  for await (const event of events) {
    seen.push(event.type);
    onEvent(event);
  }
}

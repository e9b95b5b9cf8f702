// Discovery through the Kubernetes API, against a fake API server with the real one's habits.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bucketOf,
  type DiscoveryEvent,
  type DiscoveryRecord,
  decodeRecord,
  encodeRecord,
  KubernetesDiscovery,
} from "@dyn/runtime";
import { FakeKubeApi } from "@dyn/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { resourceInstanceId } from "../src/discovery/kubernetes/pod-identity.ts";
import { sipHash13 } from "../src/discovery/kubernetes/sip-hash.ts";
import { bucketOfKey } from "../src/discovery/record.ts";
import { discoveryConformance } from "./conformance/discovery.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dyn-kube-"));
  await writeFile(join(folder, "token"), "first-token\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let api: FakeKubeApi;
beforeEach(async () => {
  api = await FakeKubeApi.start();
});
afterEach(() => api.stop());

let podCount = 0;
const connect = (options: object = {}) => {
  const podName = `worker-${podCount++}`;
  api.setReady(podName, true);
  return connectAs(podName, options);
};
const connectAs = (podName: string, options: object = {}) =>
  KubernetesDiscovery.connect({
    url: api.url,
    accountFolder: folder,
    podInfoFolder: folder,
    mode: "pod",
    podName,
    podUid: api.uidOf(podName),
    podNamespace: "default",
    retryMs: 10,
    ...options,
  });

const record = (instanceId: bigint, namespace = "dyn"): DiscoveryRecord => ({
  type: "instance",
  instance: {
    id: { namespace, component: "backend", endpoint: "generate" },
    instanceId,
    transport: { tcp: "127.0.0.1:1/x", codec: "msgpack" },
  },
});

/** The words of a watch as they come: `put 2a`, `delete 2a`, `synced`. */
function follow(member: KubernetesDiscovery) {
  const seen: string[] = [];
  const end = new AbortController();
  const name = (event: DiscoveryEvent) =>
    event.type === "synced" ? "synced" : `${event.type} ${event.key.split("/").at(-1)}`;
  const done = (async () => {
    for await (const event of member.watch("v1/instances", { signal: end.signal })) {
      seen.push(name(event));
    }
  })();
  const stop = () => {
    end.abort();
    return done;
  };
  return { seen, stop };
}

discoveryConformance("kubernetes", connect);

test("SipHash-1-3 and instance ids are the reference's", () => {
  // Rust: DefaultHasher::new().finish(); CPython 3.11 with PYTHONHASHSEED=0: hash(name + b"\xff").
  expect(sipHash13(new Uint8Array())).toBe(15_130_871_412_783_076_140n);
  const ids: Record<string, bigint> = {
    "worker-0": 1_186_445_869_714_687n,
    "deployment-with-hash-suffix-a1b2c3d4e5f6": 2_590_930_466_072_916n,
    a: 7_688_582_637_611_507n,
    "1234567": 1_393_143_333_249_092n,
    "12345678": 3_463_823_652_221_645n,
  };
  for (const [name, id] of Object.entries(ids)) expect(resourceInstanceId(name)).toBe(id);
});

test("a process's records are one resource that its pod owns", async () => {
  api.setReady("worker-a", true);
  const member = await connectAs("worker-a");
  await Promise.all([member.put(record(member.instanceId)), member.put(record(1n, "other"))]);
  const resource = api.collection("dynamoworkermetadatas").get("worker-a");
  const hex = member.instanceId.toString(16);
  expect(resource).toMatchObject({
    metadata: {
      ownerReferences: [
        { apiVersion: "v1", kind: "Pod", name: "worker-a", uid: api.uidOf("worker-a") },
      ],
    },
    spec: {
      data: {
        endpoints: {
          [`dyn/backend/generate/${hex}`]: {
            type: "Endpoint",
            instance_id: Number(member.instanceId),
            transport: { tcp: "127.0.0.1:1/x" },
          },
          "other/backend/generate/1": {},
        },
        model_cards: {},
        event_channels: {},
      },
    },
  });
  const { spec } = resource as unknown as { spec: { data: unknown } };
  expect(JSON.parse(member.ownMetadata())).toEqual(spec.data);
  expect(member.ownMetadata()).toContain(`"instance_id":${member.instanceId}`);
  await member.close();
  expect(api.collection("dynamoworkermetadatas").get("worker-a")).toBeUndefined();
});

test("every record of a recorded worker survives the API, cards included", async () => {
  const member = await connect();
  const url = new URL("./fixtures/events/etcd-nats-mocker.json", import.meta.url);
  const stored = JSON.parse(await readFile(url, "utf8")) as { key: string; value_text: string }[];
  const records = stored.map(({ key, value_text }) =>
    decodeRecord(bucketOfKey(key), { key, value: value_text }),
  );
  for (const record of records) await member.put(record);
  for (const bucket of ["v1/instances", "v1/mdc", "v1/event_channels"] as const) {
    const sent = records.filter((record) => bucketOf(record) === bucket).map(encodeRecord);
    const found = (await member.list(bucket)).map(encodeRecord);
    expect(found).toEqual(sent);
  }
  await member.close();
});

test("readiness is life: an unready pod's records vanish and come back, a deleted one's are gone", async () => {
  const watcher = await connect();
  api.setReady("worker-b", false);
  const member = await connectAs("worker-b");
  await member.put(record(42n));
  const { seen, stop } = follow(watcher);
  await expect.poll(() => seen).toEqual(["synced"]);
  api.setReady("worker-b", true);
  await expect.poll(() => seen).toEqual(["synced", "put 2a"]);
  api.setReady("worker-b", false);
  await expect.poll(() => seen.at(-1)).toBe("delete 2a");
  api.setReady("worker-b", true);
  await expect.poll(() => seen.at(-1)).toBe("put 2a");
  api.deletePod("worker-b");
  await expect.poll(() => seen.at(-1)).toBe("delete 2a");
  expect(api.collection("dynamoworkermetadatas").get("worker-b")).toBeUndefined();
  await stop();
  await Promise.all([member.close(), watcher.close()]);
});

test("a container is an instance of its own in container mode; the main one is its pod", async () => {
  api.setReady("pod-1", true, "engine-0");
  api.setReady("pod-2", true, "main");
  const container = { mode: "container", containerName: "engine-0" };
  const engine = await connectAs("pod-1", container);
  const main = await connectAs("pod-2", { ...container, containerName: "main" });
  expect(engine.instanceId).toBe(resourceInstanceId("pod-1-engine-0"));
  expect(main.instanceId).toBe(resourceInstanceId("pod-2"));
  await engine.put(record(1n));
  await main.put(record(2n));
  expect(await main.list("v1/instances")).toHaveLength(2);
  api.setReady("pod-1", false, "engine-0");
  expect(await main.list("v1/instances")).toEqual([record(2n)]);
  await Promise.all([engine.close(), main.close()]);
});

describe("a watch goes on", () => {
  async function watched() {
    const [watcher, member] = [await connect(), await connect()];
    await member.put(record(1n));
    const { seen, stop } = follow(watcher);
    await expect.poll(() => seen).toEqual(["put 1", "synced"]);
    await expect.poll(() => api.watchCount).toBe(2);
    api.requests.length = 0;
    const end = async () => {
      await stop();
      await Promise.all([member.close(), watcher.close()]);
    };
    const asked = (word: string) => api.requests.filter((request) => request.includes(word));
    return { member, seen, end, asked };
  }

  test("from where it was when the server ends it, without a list", async () => {
    const { member, seen, end, asked } = await watched();
    api.endWatches();
    await member.put(record(2n));
    await expect.poll(() => seen).toEqual(["put 1", "synced", "put 2"]);
    expect(asked("watch=true").length).toBeGreaterThanOrEqual(1);
    expect(asked("GET").filter((request) => !request.includes("watch=true"))).toEqual([]);
    await end();
  });

  test("from a bookmark, though what was before it is compacted", async () => {
    const { member, seen, end, asked } = await watched();
    api.setReady("bystander", true);
    api.bookmark();
    api.compact();
    api.endWatches();
    await member.put(record(2n));
    await expect.poll(() => seen).toEqual(["put 1", "synced", "put 2"]);
    expect(asked("GET").filter((request) => !request.includes("watch=true"))).toEqual([]);
    await end();
  });

  test("by a new list when its version is gone, telling the difference and then synced", async () => {
    const { member, seen, end } = await watched();
    await api.stop();
    const other = { ...api.collection("dynamoworkermetadatas").list(() => true)[0]! };
    api.collection("dynamoworkermetadatas").delete(other.metadata.name);
    api.collection("dynamoworkermetadatas").put({
      ...other,
      spec: { data: { endpoints: { "dyn/backend/generate/3": endpointValue(3) } } },
    });
    api.setReady("bystander", true);
    api.compact();
    await api.resume();
    // Two collections are listed anew, and each says so.
    await expect
      .poll(() => seen.slice(2).filter((word) => word !== "synced"))
      .toEqual(["delete 1", "put 3"]);
    await expect.poll(() => seen.at(-1)).toBe("synced");
    await member.delete("v1/instances/dyn/backend/generate/1");
    await end();
  });

  test("after an outage, with what is known kept meanwhile", async () => {
    const { member, seen, end } = await watched();
    await api.stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(seen).toEqual(["put 1", "synced"]);
    await api.resume();
    await member.put(record(2n));
    await expect.poll(() => seen).toContain("put 2");
    expect(seen).not.toContain("delete 1");
    await end();
  });
});

test("a resource that says nothing for a moment keeps its records; one bad record costs itself alone", async () => {
  const problems: string[] = [];
  const watcher = await connect({ onProblem: (message: string) => problems.push(message) });
  api.setReady("foreign", true);
  const put = (data: unknown) =>
    api.collection("dynamoworkermetadatas").put({ metadata: { name: "foreign" }, spec: { data } });
  const { seen, stop } = follow(watcher);
  await expect.poll(() => seen).toEqual(["synced"]);
  put({
    endpoints: {
      "dyn/backend/generate/1": endpointValue(1),
      "dyn/backend/generate/2": { type: "Endpoint" },
    },
    model_cards: {},
  });
  await expect.poll(() => seen.at(-1)).toBe("put 1");
  expect(problems).toEqual([expect.stringContaining("v1/instances/dyn/backend/generate/2")]);
  put(null);
  put({ endpoints: { "dyn/backend/generate/1": endpointValue(1), "a/b/c/7": endpointValue(7) } });
  await expect.poll(() => seen.at(-1)).toBe("put 7");
  expect(seen).not.toContain("delete 1");
  await stop();
  await watcher.close();
});

test("what an earlier process of the pod left is removed at start", async () => {
  api.setReady("restarted", true);
  const crashed = await connectAs("restarted");
  await crashed.put(record(1n));
  const member = await connectAs("restarted");
  expect(await member.list("v1/instances")).toEqual([]);
  await Promise.all([member.close(), crashed.close()]);
});

test("a token that was replaced is read again, over TLS with the pod's authority", async () => {
  const tls = await FakeKubeApi.start({ isTls: true });
  await writeFile(join(folder, "ca.crt"), tls.authority);
  const member = await connectAs("worker-tls", { url: tls.url, podUid: "uid" });
  await member.put(record(1n));
  tls.tokens.clear();
  await expect(member.put(record(2n))).rejects.toThrow("service account token is not accepted");
  tls.tokens.add("second-token");
  await writeFile(join(folder, "token"), "second-token");
  await member.put(record(3n));
  await writeFile(join(folder, "token"), "first-token");
  await member.close();
  await tls.stop();
});

test("what is missing is named: pod, account, rights, server", async () => {
  await expect(connectAs("x", { podName: undefined })).rejects.toThrow("POD_NAME is not set");
  await expect(connectAs("x", { podUid: undefined })).rejects.toThrow("POD_UID is not set");
  await expect(connectAs("x", { podUid: "u", mode: "container" })).rejects.toThrow(
    "CONTAINER_NAME is not set",
  );
  const url = "https://127.0.0.1:1";
  const nowhere = join(folder, "nowhere");
  await expect(connectAs("x", { podUid: "u", url, accountFolder: nowhere })).rejects.toThrow(
    "Mount the pod's service account",
  );
  await expect(connectAs("x", { podUid: "u", url: "http://127.0.0.1:1" })).rejects.toMatchObject({
    code: "DYN_DISCOVERY_UNREACHABLE",
  });
  await expect(connectAs("x", { podUid: "u", podNamespace: "elsewhere" })).rejects.toThrow(
    "Is the custom resource DynamoWorkerMetadata installed?",
  );
});

function endpointValue(id: number) {
  return {
    type: "Endpoint",
    namespace: "dyn",
    component: "backend",
    endpoint: "generate",
    instance_id: id,
    transport: { tcp: "127.0.0.1:1/x" },
  };
}

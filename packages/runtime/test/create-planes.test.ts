// What a process's options make, and that it closes without leaving anything.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlanes, DistributedRuntime, type PlaneOptions } from "@dyn/runtime";
import { EtcdServer, FakeKubeApi, NatsServer } from "@dyn/testing";
import { afterEach, expect, test } from "vitest";
import { meet } from "./conformance/event-plane.ts";

const scope = { namespace: "dyn", component: "backend", endpoint: "generate" };

/** Ended whatever the test came to. */
const started: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function withFolder(run: (fileKv: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "dyn-planes-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Two processes of these options: one calls the other, and hears it. */
async function tryOut(options: PlaneOptions): Promise<string[]> {
  const worker = new DistributedRuntime(await createPlanes(options));
  started.push(worker);
  const caller = new DistributedRuntime(await createPlanes(options));
  started.push(caller);
  await worker.endpoint(scope).serve(async function* (request) {
    yield { data: `heard ${String(request)}` };
  });
  const client = caller.endpoint(scope).createClient();
  await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
  const items: unknown[] = [];
  for await (const { data } of client.generate("you")) items.push(data);
  expect(items).toEqual(["heard you"]);
  const subscription = await caller.planes.eventPlane.subscribe(scope, "topic");
  await meet(await worker.planes.eventPlane.createPublisher(scope, "topic"), subscription);
  await client.close();
  await worker.close();
  expect(await caller.planes.discovery.list("v1/instances")).toEqual([]);
  expect(await caller.planes.discovery.list("v1/event_channels")).toEqual([]);
  const { discovery, requestPlane, eventPlane } = caller.planes;
  await caller.close();
  return [discovery.kind, requestPlane.kind, eventPlane.kind];
}

test("file, tcp and zmq", () =>
  withFolder(async (fileKv) => {
    const options = { discoveryBackend: "file", fileKv, eventPlaneHost: "127.0.0.1" } as const;
    expect(await tryOut(options)).toEqual(["file", "tcp", "zmq"]);
    expect(await readdir(join(fileKv, "v1/event_channels"))).toEqual([]);
  }));

test("file with everything over nats", async ({ skip }) => {
  const nats = await NatsServer.start();
  if (nats === null) return skip();
  started.push(nats);
  await withFolder(async (fileKv) => {
    const options: PlaneOptions = {
      discoveryBackend: "file",
      fileKv,
      requestPlane: "nats",
      eventPlane: "nats",
      natsServer: [nats.url],
    };
    expect(await tryOut(options)).toEqual(["file", "nats", "nats"]);
  });
});

test("etcd, tcp and zmq", async ({ skip }) => {
  const etcd = await EtcdServer.start();
  if (etcd === null) return skip();
  started.push(etcd);
  const etcdEndpoints = [etcd.url];
  const options = { discoveryBackend: "etcd", etcdEndpoints, eventPlaneHost: "127.0.0.1" } as const;
  expect(await tryOut(options)).toEqual(["etcd", "tcp", "zmq"]);
});

test("memory has memory's planes unless an event plane is asked for", async () => {
  const kinds = async (options: PlaneOptions) => {
    const runtime = new DistributedRuntime(await createPlanes(options));
    const { discovery, requestPlane, eventPlane } = runtime.planes;
    await runtime.close();
    return [discovery.kind, requestPlane.kind, eventPlane.kind];
  };
  expect(await kinds({ discoveryBackend: "mem" })).toEqual(["mem", "mem", "mem"]);
  expect(await kinds({ discoveryBackend: "mem", eventPlane: "zmq" })).toEqual([
    "mem",
    "mem",
    "zmq",
  ]);
});

test("a plane that cannot be had closes what was opened, and says what helps", () =>
  withFolder(async (fileKv) => {
    await expect(
      createPlanes({
        discoveryBackend: "file",
        fileKv,
        requestPlane: "nats",
        natsServer: ["nats://127.0.0.1:1"],
      }),
    ).rejects.toThrow("set NATS_SERVER");
    await expect(createPlanes({ discoveryBackend: "kubernetes" })).rejects.toThrow(
      "KUBERNETES_SERVICE_HOST is not set",
    );
    const api = await FakeKubeApi.start();
    const { hostname, port } = new URL(api.url);
    await expect(
      createPlanes({
        discoveryBackend: "kubernetes",
        kubeServiceHost: hostname,
        kubeServicePort: Number(port),
      }),
    ).rejects.toThrow("POD_NAME is not set");
    await api.stop();
    await expect(
      createPlanes({ discoveryBackend: "file", fileKv, responsePlane: "quic" }),
    ).rejects.toThrow("--response-plane tcp");
  }));

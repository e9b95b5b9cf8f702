// How long a process takes to see 1 000 instances, what it costs to know them, and what one change costs.
// node --conditions=@dyn/source --import tsx packages/runtime/bench/discovery.ts
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Discovery, EndpointClient, EtcdDiscovery, FileDiscovery } from "@dyn/runtime";
import { EtcdServer } from "@dyn/testing";
import { Etcd3 } from "etcd3";
import { MemEndpoints, MemRequestPlane } from "../src/request/mem-request-plane.ts";

const count = 1_000;
const steadyMs = 20_000;
const changeCount = 50;
const id = { namespace: "dynamo", component: "backend", endpoint: "generate" };

async function measure(
  backend: "file" | "etcd",
  where: string,
  join: () => Promise<Discovery>,
  peer: () => Promise<number>,
): Promise<void> {
  const fleet = fork(fileURLToPath(new URL("discovery-fleet.ts", import.meta.url)), [
    backend,
    where,
  ]);
  const { registeredMs } = (await next(fleet)) as { registeredMs: number };
  const peerMs = await peer();
  const joinBegunMs = performance.now();
  const discovery = await join();
  const requestPlane = new MemRequestPlane({ endpoints: new MemEndpoints() });
  const client = new EndpointClient(id, { discovery, requestPlane });
  const cpuBefore = process.cpuUsage();
  await client.waitForInstances({ count, signal: AbortSignal.timeout(60_000) });
  const seenMs = performance.now() - joinBegunMs;
  const seenCpuMs = cpuMs(cpuBefore);

  const steadyBefore = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, steadyMs));
  const steadyPercent = (cpuMs(steadyBefore) / steadyMs) * 100;

  const end = new AbortController();
  let arrived = (_: number) => {};
  const watching = (async () => {
    for await (const event of discovery.watch("v1/instances", { signal: end.signal })) {
      if (event.type === "put" && event.key.endsWith("/7")) arrived(Date.now());
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const delaysMs: number[] = [];
  const changesBefore = process.cpuUsage();
  const changesBegunMs = performance.now();
  for (let i = 0; i < changeCount; i++) {
    const seen = new Promise<number>((resolve) => {
      arrived = resolve;
    });
    fleet.send("change");
    const { putAtMs } = (await next(fleet)) as { putAtMs: number };
    delaysMs.push((await seen) - putAtMs);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const spentMs = performance.now() - changesBegunMs;
  // What knowing them costs anyway is not the change's.
  const changeCpuMs = (cpuMs(changesBefore) - (spentMs * steadyPercent) / 100) / changeCount;
  delaysMs.sort((a, b) => a - b);
  const at = (share: number) => delaysMs[Math.floor(delaysMs.length * share)];
  console.log(
    JSON.stringify({
      backend,
      registerAllMs: Math.round(registeredMs),
      seeAllMs: Math.round(seenMs),
      seeAllCpuMs: Math.round(seenCpuMs),
      peerReadAllMs: Math.round(peerMs),
      steadyCpuPercent: Number(steadyPercent.toFixed(2)),
      changeSeenMs: { p50: at(0.5), p90: at(0.9), max: delaysMs.at(-1) },
      cpuMsPerChange: Number(changeCpuMs.toFixed(2)),
    }),
  );
  end.abort();
  await watching;
  await client.close();
  fleet.send("close");
  await once(fleet, "exit");
  await discovery.close();
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

async function next(fleet: ChildProcess): Promise<unknown> {
  const [message] = (await once(fleet, "message")) as [unknown];
  return message;
}

const etcd = await EtcdServer.start();
const folder = mkdtempSync(join(tmpdir(), "dyn-discovery-bench-"));
for (let round = 0; round < 2; round++) {
  await measure(
    "file",
    folder,
    async () => new FileDiscovery({ root: folder, instanceId: 9n }),
    async () => {
      const begunMs = performance.now();
      const bucket = join(folder, "v1/instances");
      for (const name of await readdir(bucket))
        JSON.parse(await readFile(join(bucket, name), "utf8"));
      return performance.now() - begunMs;
    },
  );
  if (etcd === null) continue;
  await measure(
    "etcd",
    etcd.url,
    () => EtcdDiscovery.connect({ endpoints: [etcd.url] }),
    async () => {
      const begunMs = performance.now();
      const client = new Etcd3({ hosts: etcd.url });
      const { kvs } = await client.getAll().prefix("v1/instances/").exec();
      for (const { value } of kvs) JSON.parse(value.toString());
      client.close();
      return performance.now() - begunMs;
    },
  );
}
await etcd?.close();
rmSync(folder, { recursive: true, force: true });

// Where faults happen: a deployment with the servers that it needs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawU64, EtcdDiscovery, FileDiscovery } from "@dyn/runtime";
import { EtcdServer, mountSmallDisk, NatsServer, type SmallDisk } from "@dyn/testing";
import { Deployment } from "./deployment.ts";
import { probeDiscovery } from "./discovery-probe.ts";
import type { Stage } from "./fault.ts";
import { NetworkNamespace } from "./network-namespace.ts";

export interface NamespaceStage extends Stage {
  readonly namespace: NetworkNamespace;
}

export interface SmallDiskStage extends Stage {
  readonly disk: SmallDisk;
}

export interface EtcdStage extends Stage {
  readonly etcd: EtcdServer;
}

export interface NatsStage extends Stage {
  readonly nats: NatsServer;
}

/** File discovery; all connections through proxies and clocks that jump, unless that is not wanted. */
export async function startFileStage({ isProxied = true } = {}): Promise<Stage> {
  const folder = createFolder();
  const deployment = await Deployment.start({
    env: fileEnv(folder.path),
    ...(isProxied ? { proxied: { directPorts: [] }, hasJumpingClock: true } : {}),
  });
  return fileStage(deployment, folder);
}

const prefill = [
  ...["--disaggregation-mode", "prefill", "--chunked-prefill-size", "128"],
  ...["--mock-prefill-us-per-token", "300", "--mock-kv-bytes-per-token", "4096"],
];
const decode = ["--disaggregation-mode", "decode", "--mock-kv-bytes-per-token", "4096"];

/** Workers 0 and 1 prefill, 2 and 3 decode; KV goes over for real. */
export const splitRoles = ["prefill", "prefill", "decode", "decode"] as const;

export async function startSplitStage(): Promise<Stage> {
  const folder = createFolder();
  const deployment = await Deployment.start({
    env: fileEnv(folder.path),
    workerCount: splitRoles.length,
    workerArgs: splitRoles.map((role) => (role === "prefill" ? prefill : decode)),
  });
  return fileStage(deployment, folder);
}

/** File discovery, one worker in a network namespace; `null` where there can be none. */
export async function startNamespaceStage(): Promise<NamespaceStage | null> {
  const namespace = NetworkNamespace.create();
  if (namespace === null) return null;
  const folder = createFolder();
  const deployment = await Deployment.start({ env: fileEnv(folder.path), namespace });
  const stage = fileStage(deployment, folder);
  const close = async () => {
    await stage.close();
    namespace.remove();
  };
  return { ...stage, namespace, close };
}

/** File discovery on a disk that can be full; `null` where none can be mounted. */
export async function startSmallDiskStage(): Promise<SmallDiskStage | null> {
  const disk = mountSmallDisk();
  if (disk === null) return null;
  const folder = { path: disk.folder, remove: disk.remove };
  const deployment = await Deployment.start({ env: fileEnv(folder.path) });
  return { ...fileStage(deployment, folder), disk };
}

/** `null` where etcd cannot be had. */
export async function startEtcdStage(): Promise<EtcdStage | null> {
  const etcd = await EtcdServer.start();
  if (etcd === null) return null;
  const env = {
    DYN_DISCOVERY_BACKEND: "etcd",
    ETCD_ENDPOINTS: etcd.url,
    ETCD_LEASE_TTL: "10",
    DYN_TCP_RPC_HOST: "127.0.0.1",
    DYN_TCP_RESPONSE_STREAM_HOST: "127.0.0.1",
  };
  const deployment = await Deployment.start({ env });
  return {
    deployment,
    etcd,
    probeDiscovery: () =>
      probeDiscovery(deployment, () => EtcdDiscovery.connect({ endpoints: [etcd.url] })),
    close: async () => {
      await deployment.close();
      await etcd.close();
    },
  };
}

/** Requests over NATS, discovery by files; `null` where NATS cannot be had. */
export async function startNatsStage(): Promise<NatsStage | null> {
  const nats = await NatsServer.start();
  if (nats === null) return null;
  const folder = createFolder();
  const deployment = await Deployment.start({
    env: {
      ...fileEnv(folder.path),
      DYN_REQUEST_PLANE: "nats",
      DYN_EVENT_PLANE: "nats",
      NATS_SERVER: nats.url,
    },
  });
  const stage = fileStage(deployment, folder);
  const close = async () => {
    await stage.close();
    await nats.close();
  };
  return { ...stage, nats, close };
}

interface Folder {
  readonly path: string;
  readonly remove: () => void;
}

function createFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "dyn-chaos-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function fileEnv(path: string): Record<string, string> {
  return { DYN_DISCOVERY_BACKEND: "file", DYN_FILE_KV: path };
}

function fileStage(deployment: Deployment, folder: Folder): Stage {
  return {
    deployment,
    probeDiscovery: () =>
      probeDiscovery(
        deployment,
        async () => new FileDiscovery({ root: folder.path, instanceId: drawU64() }),
      ),
    close: async () => {
      await deployment.close();
      folder.remove();
    },
  };
}

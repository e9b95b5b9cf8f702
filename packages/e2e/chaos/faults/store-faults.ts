// What discovery and the planes stand on.
import { Etcd } from "../etcd-admin.ts";
import { type Fault, pause } from "../fault.ts";
import type { EtcdStage, NatsStage, SmallDiskStage } from "../stages.ts";

export const etcdRestart: Fault<EtcdStage> = {
  name: "etcd restart, 3 s down",
  inject: async ({ stage }) => {
    await stage.etcd.kill();
    await pause(3_000);
    await stage.etcd.resume();
    return { means: "SIGKILL, same data", discoverySeconds: await stage.probeDiscovery() };
  },
};

export const etcdDataLoss: Fault<EtcdStage> = {
  name: "etcd comes back without its data",
  inject: async ({ stage }) => {
    await stage.etcd.kill();
    stage.etcd.wipe();
    await stage.etcd.resume();
    return { means: "SIGKILL, data removed", discoverySeconds: await stage.probeDiscovery() };
  },
};

export const etcdHung: Fault<EtcdStage> = {
  name: "etcd hung 8 s",
  inject: async ({ stage }) => {
    stage.etcd.freeze();
    await pause(8_000);
    stage.etcd.thaw();
    return { means: "SIGSTOP", discoverySeconds: await stage.probeDiscovery() };
  },
};

/** Under running watches, and again while etcd is gone to them. */
export const etcdCompaction: Fault<EtcdStage> = {
  name: "etcd compaction",
  inject: async ({ stage }) => {
    const admin = new Etcd(stage.etcd.url);
    await admin.compact();
    await stage.etcd.kill();
    await stage.etcd.resume();
    for (let i = 0; i < 50; i++) await admin.put("noise", String(i));
    await admin.compact();
    return {
      means: "etcd's own call, around a restart",
      discoverySeconds: await stage.probeDiscovery(),
    };
  },
};

export const leaseRevoked: Fault<EtcdStage> = {
  name: "lease of every process revoked",
  inject: async ({ stage }) => {
    const admin = new Etcd(stage.etcd.url);
    for (const id of await admin.leases()) await admin.revoke(id);
    return { means: "etcd's own call", discoverySeconds: await stage.probeDiscovery() };
  },
};

export const natsRestart: Fault<NatsStage> = {
  name: "NATS restart, 2 s down",
  inject: async ({ stage }) => {
    await stage.nats.kill();
    await pause(2_000);
    await stage.nats.resume();
    await pause(3_000);
    return { means: "SIGKILL; requests go over NATS" };
  },
};

/** Longer than a record lives untouched; a worker that wants to come is refused and comes when there is room. */
export const diskFull: Fault<SmallDiskStage> = {
  name: "disk full under file discovery, 15 s",
  inject: async ({ stage }) => {
    const { deployment, disk } = stage;
    disk.fill();
    const late = await deployment.startWorker(deployment.workers.length).then(
      () => "started",
      (error: unknown) => String(error),
    );
    if (!late.includes("ENOSPC")) throw new Error(`A worker on a full disk: ${late}`);
    await pause(15_000);
    disk.free();
    return { means: "tmpfs of 1 MB", discoverySeconds: await stage.probeDiscovery() };
  },
};

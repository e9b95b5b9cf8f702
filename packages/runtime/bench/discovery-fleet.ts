// The other side of discovery.ts: a process that keeps 1 000 instances alive, and changes one when it is told to.
import { EtcdDiscovery, FileDiscovery, type InstanceRecord, recordKey } from "@dyn/runtime";

const [backend, where] = process.argv.slice(2);
const memberCount = 20;
const instancesPerMember = 50;

const members = await Promise.all(
  Array.from({ length: memberCount }, (_, index) =>
    backend === "etcd"
      ? EtcdDiscovery.connect({ endpoints: [where!], leaseTtlSeconds: 30 })
      : new FileDiscovery({ root: where!, instanceId: BigInt(index + 1) }),
  ),
);

function instance(instanceId: number, port: number): InstanceRecord {
  const id = { namespace: "dynamo", component: "backend", endpoint: "generate" };
  const path = `127.0.0.1:${port}/${instanceId.toString(16)}/dynamo/backend/generate`;
  return {
    type: "instance",
    instance: { id, instanceId: BigInt(instanceId), transport: { tcp: path, codec: "msgpack" } },
  };
}

const begunMs = performance.now();
await Promise.all(
  members.map(async (member, index) => {
    for (let i = 0; i < instancesPerMember; i++) {
      await member.put(instance(1_000 + index * instancesPerMember + i, 40_000));
    }
  }),
);
process.send?.({ registeredMs: performance.now() - begunMs });

process.on("message", async (message: "change" | "close") => {
  if (message === "change") {
    const extra = instance(7, 50_000);
    const putAtMs = Date.now();
    await members[0]!.put(extra);
    process.send?.({ putAtMs, writtenAtMs: Date.now() });
    setTimeout(() => void members[0]!.delete(recordKey(extra)), 100);
    return;
  }
  await Promise.all(members.map((member) => member.close()));
  process.disconnect();
});

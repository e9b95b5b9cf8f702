// What a worker's main thread pays for telling routers: a batch of one prefill step, one of a decode step, a dump.
import { createMemHub, DistributedRuntime, RequestContext } from "@dyn/runtime";
import { KvRelay } from "../src/index.ts";
import { LocalIndex } from "../src/recovery/local-index.ts";
import { createQueryHandler } from "../src/recovery/query-handler.ts";

const blockSize = 16;
let nextId = 1n;

function storedOf(blockCount: number) {
  const blockHashes = BigInt64Array.from({ length: blockCount }, () => nextId++ * 0x9e3779b97f4an);
  const tokenIds = Uint32Array.from({ length: blockCount * blockSize }, (_, i) =>
    Number((nextId * 31n + BigInt(i)) % 150_000n),
  );
  return { type: "stored" as const, blockHashes, parentBlockHash: null, tokenIds, blockSize };
}

async function measure(name: string, blockCount: number, rounds: number): Promise<void> {
  const runtime = new DistributedRuntime(createMemHub().createPlanes());
  const relay = await KvRelay.open({ runtime, endpoint: "dyn://ns.backend.generate", blockSize });
  const batches = Array.from({ length: rounds }, () => ({
    timestamp: 1,
    events: [storedOf(blockCount)],
  }));
  const times: number[] = [];
  for (const batch of batches) {
    const begun = performance.now();
    relay.publish(batch);
    await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => `${(1000 * times[Math.floor(share * rounds)]!).toFixed(0)} us`;
  console.log(`${name}: p50 ${at(0.5)}, p90 ${at(0.9)}, ${relay.blockCount} blocks held`);
  await relay.close();
  await runtime.close();
}

async function measureDump(blockCount: number): Promise<void> {
  const index = new LocalIndex({ workerId: 1n, dpRank: 0, maxBytes: 2 ** 30 });
  for (let eventId = 1; eventId <= blockCount / 100; eventId++) {
    const { blockHashes } = storedOf(100);
    const ids = new BigUint64Array(blockHashes.buffer);
    const data = { type: "stored", parentHash: null, blockHashes: ids, tokensHashes: ids } as const;
    index.apply({ workerId: 1n, dpRank: 0, storageTier: "device", eventId, data });
  }
  const handler = createQueryHandler(index);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const begun = performance.now();
    for await (const _ of handler({ worker_id: 1, dp_rank: 0 }, new RequestContext()));
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  console.log(`dump of ${blockCount} blocks: ${times[2]!.toFixed(0)} ms`);
}

await measure("a prefill step of 8,192 tokens, 512 blocks", 512, 400);
await measure("a decode step that ends 4 blocks", 4, 2000);
await measureDump(10_000);
await measureDump(100_000);

// Time of one request with one item, there and back, over the TCP plane to another process: answers over the shared
// connection and over one connection each. Run: node --conditions=@dyn/source --import tsx packages/runtime/bench/round-trip.ts
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { type Instance, RequestContext, TcpRequestPlane } from "@dyn/runtime";

const id = { namespace: "bench", component: "worker", endpoint: "echo" };
const requestCount = 5_000;

if (process.send !== undefined) {
  const plane = new TcpRequestPlane();
  const served = await plane.serve(id, 1n, async function* (request) {
    yield { data: request };
  });
  process.send(served.transport);
} else {
  const self = fileURLToPath(import.meta.url);
  const worker = fork(self, { execArgv: process.execArgv });
  const [transport] = (await once(worker, "message")) as [Instance["transport"]];
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  for (const responseMux of [true, false]) {
    const plane = new TcpRequestPlane({ responseMux });
    for (const concurrency of [1, 64]) {
      const times = await measure(plane, { id, instanceId: 1n, transport }, concurrency);
      const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(3);
      const name = responseMux ? "shared connection" : "connection per answer";
      console.log(`${name}, ${concurrency} at once: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
    }
    await plane.close();
  }
  worker.kill();
}

async function measure(
  plane: TcpRequestPlane,
  instance: Instance,
  concurrency: number,
): Promise<number[]> {
  const times: number[] = [];
  const body = { token_ids: Array.from({ length: 128 }, (_, i) => i) };
  const ask = async () => {
    const begun = performance.now();
    for await (const _ of plane.call(instance, body, new RequestContext()));
    return performance.now() - begun;
  };
  for (let i = 0; i < 500; i++) await ask();
  let left = requestCount;
  const client = async () => {
    while (left-- > 0) times.push(await ask());
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  return times.sort((a, b) => a - b);
}

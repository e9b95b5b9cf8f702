// Requests through the whole engine with a model that takes no time: on this thread, and on a thread of its own.
// Run: node --conditions=@dyn/source --import tsx packages/engine/bench/streams.ts
import { cpus } from "node:os";
import {
  createGenerateRequest,
  createMockEngine,
  type Engine,
  type GenerateRequest,
  startMockEngine,
} from "@dyn/engine";

const promptTokens = 512;
const newTokens = 64;

console.log(
  `node ${process.version}, ${cpus()[0]!.model}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}`,
);

function makeRequest(number: number): GenerateRequest {
  return createGenerateRequest({
    tokenIds: Uint32Array.from(
      { length: promptTokens },
      (_, at) => (at * 7 + (at < 256 ? 0 : number * 13)) % 32000,
    ),
    sampling: { maxNewTokens: newTokens },
  });
}

/** `concurrency` consumers, each one request after the other. Half of each prompt is shared by all. */
async function measure(name: string, engine: Engine, concurrency: number): Promise<void> {
  const total = Math.max(concurrency * 12, 200);
  let started = 0;
  let outputs = 0;
  const consume = async () => {
    while (started < total) {
      for await (const output of engine.generate(makeRequest(started++))) {
        if (output.tokenIds.length > 0) outputs++;
      }
    }
  };
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, consume));
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const requests = started;
  console.log(
    `${name}, ${concurrency} streams: ${(requests / seconds).toFixed(0)} requests/s, ${((requests * newTokens) / seconds).toFixed(0)} tokens/s, ${(outputs / (requests * newTokens)).toFixed(2)} outputs per token, ${((cpu.user + cpu.system) / (requests * newTokens)).toFixed(2)} us CPU per token`,
  );
}

const options = { maxRunningRequests: 256, pageCount: 65536, contextLength: 4096 };
for (const concurrency of [1, 64, 256]) {
  const local = createMockEngine(options);
  await measure("this thread", local, concurrency);
  await local.close();
  const listened = createMockEngine(options);
  let blockCount = 0;
  listened.onKvEvents(({ events }) => {
    for (const event of events) if (event.type === "stored") blockCount += event.blockHashes.length;
  });
  await measure("this thread, KV events on", listened, concurrency);
  console.log(`  ${blockCount} blocks told of`);
  await listened.close();
  const { engine, worker } = await startMockEngine(options);
  await measure("own thread", engine, concurrency);
  await engine.close();
  await worker.terminate();
}

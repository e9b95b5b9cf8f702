// Streamed chunks per second of this process's CPU: gateway, memory planes and mock engine on one thread,
// the client in another process. The engine's own share is measured apart and taken off.
// Run: node --conditions=@dyn/source --import tsx packages/gateway/bench/stream.ts [streams] [tokens]
import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createGenerateRequest, createMockEngine, type Engine } from "@dyn/engine";
import { createGateway } from "@dyn/gateway";
import { createDecodeHandler } from "@dyn/handlers";
import { createMetricsRegistry } from "@dyn/metrics";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";

const streamCount = Number(process.argv[2] ?? 64);
const tokenCount = Number(process.argv[3] ?? 1000);
const rounds = 5;
const address = "dyn://dynamo.backend.generate";
const run = promisify(execFile);

const engine = createMockEngine({
  vocabSize: 4096,
  contextLength: 4096,
  pageCount: 16_384,
  maxRunningRequests: 1024,
});
const hub = createMemHub();
const worker = new DistributedRuntime(hub.createPlanes());
const served = await worker.endpoint(address).serve(createDecodeHandler({ engine }));
await served.registerModel({
  displayName: "mock",
  sourcePath: modelPath("dyn-tiny-chat"),
  modelTypes: ["chat", "completions"],
  modelInput: "tokens",
  contextLength: 4096,
  kvCacheBlockSize: 16,
  endpoint: address,
  created: 0,
});
const runtime = new DistributedRuntime(hub.createPlanes());
const gateway = createGateway({ runtime, metrics: createMetricsRegistry() });
const { port } = await gateway.listen({ host: "127.0.0.1", port: 0 });
await gateway.waitForModel("mock", { signal: AbortSignal.timeout(10_000) });

console.log(
  `${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  `${streamCount} streams x ${tokenCount} tokens, ${rounds} rounds, the first to warm up`,
);
const variants: [string, object][] = [
  ["chat", {}],
  ["chat, usage on each chunk", { stream_options: { continuous_usage_stats: true } }],
  ["chat, one stop string", { stop: ["no such text"] }],
  ["chat, logprobs with 5 alternatives", { logprobs: true, top_logprobs: 5 }],
];
const engineUs = await median(() => measureEngine(engine));
console.log(`engine alone: ${engineUs.toFixed(1)} us CPU per token`);
for (const [name, extra] of variants) await measureVariant(name, extra);

await gateway.close();
await worker.close();
await runtime.close();
await engine.close();

async function measureVariant(name: string, extra: object): Promise<void> {
  const body = JSON.stringify({
    model: "mock",
    messages: [{ role: "user", content: "Tell a story." }],
    max_tokens: tokenCount,
    ignore_eos: true,
    stream: true,
    ...extra,
  });
  const client = fileURLToPath(new URL("stream-client.ts", import.meta.url));
  const rates: number[] = [];
  const args = [...process.execArgv, client, String(port), String(streamCount), body];
  const chunkUs = await median(async () => {
    const before = process.cpuUsage();
    const { stdout } = await run(process.execPath, args);
    const { user, system } = process.cpuUsage(before);
    const result = JSON.parse(stdout);
    rates.push(result.events / (result.wallMs / 1000));
    return (user + system) / result.events;
  });
  const rate = rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)]!;
  console.log(
    `${name}: ${chunkUs.toFixed(1)} us CPU per chunk = ${Math.round(1e6 / chunkUs)} chunks per CPU second with the engine, ` +
      `${Math.round(1e6 / (chunkUs - engineUs))} without; ${Math.round(rate)} chunks/s by the clock`,
  );
}

/** CPU microseconds per token of the same load asked of the engine directly. */
async function measureEngine(target: Engine): Promise<number> {
  const before = process.cpuUsage();
  let tokens = 0;
  const ask = async (id: number) => {
    const request = createGenerateRequest({
      tokenIds: [id, 2, 3],
      sampling: { maxNewTokens: tokenCount, ignoreEos: true },
    });
    for await (const output of target.generate(request)) tokens += output.tokenIds.length;
  };
  await Promise.all(Array.from({ length: streamCount }, (_, id) => ask(id)));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / tokens;
}

async function median(measure: () => Promise<number>): Promise<number> {
  await measure();
  const values: number[] = [];
  for (let round = 1; round < rounds; round++) values.push(await measure());
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

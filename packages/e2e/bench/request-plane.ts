// Streams through a frontend and the request plane from a mock engine, beside real Dynamo 1.6.1 with its own mocker, on
// the same cores in the same run. Build first. Frontends alone are charged; results: docs/benchmarks/request-plane.md.
// Run: node --conditions=@dyn/source --import tsx packages/e2e/bench/request-plane.ts [streams,...] [stacks,...]
import { cpus } from "node:os";
import { DynamoPeer } from "../interop/dynamo-peer.ts";
import { BenchStacks, type Stack } from "./load/bench-stacks.ts";
import { type LoadMeasure, measureLoad } from "./load/measure-load.ts";

const tokens = 128;
/** Of both mock engines. Dynamo's mocker at this ratio takes about as long. */
const decodeMsPerStep = Number(process.env.DECODE_MS ?? 2.8);
const speedupRatio = process.env.SPEEDUP ?? "2";
const requestsOf: Readonly<Record<number, number>> = { 1: 24, 64: 1024, 512: 1536, 2000: 4000 };
const model = "mock";
/** Such as `--cpu-prof --cpu-prof-dir=...`. */
const profileArgs = process.env.FRONTEND_NODE_ARGS?.split(" ") ?? [];

const [streamsArg = "1,64,512,2000", stacksArg = "dyn,dyn-apart,dyn-dynamo,dynamo"] =
  process.argv.slice(2);
const peer = /dynamo/.test(stacksArg) ? DynamoPeer.prepare() : null;
const bench = new BenchStacks({ peer, model, decodeMsPerStep, speedupRatio, profileArgs });
const stacks: Readonly<Record<string, () => Promise<Stack>>> = {
  dyn: () => bench.start("dyn", "dyn"),
  "dyn-apart": () => bench.start("dyn", "dyn", { workerEnv: { DYN_RESPONSE_MUX: "0" } }),
  "dyn-dynamo": () => bench.start("dyn", "dynamo"),
  dynamo: () => bench.start("dynamo", "dynamo"),
};

console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  "| stack | streams | chunks/s | chunks per CPU second | TTFT p50 / p99 ms | ITL p50 ms | RSS MB | bytes per chunk | errors |",
);
console.log("|---|---|---|---|---|---|---|---|---|");
for (const name of stacksArg.split(",")) {
  const stack = await stacks[name]!();
  try {
    await measureLoad(stack.pid, plan(stack.port, 16, 64));
    for (const streams of streamsArg.split(",").map(Number)) {
      print(
        name,
        streams,
        await measureLoad(stack.pid, plan(stack.port, streams, requestsOf[streams] ?? streams * 4)),
      );
    }
  } finally {
    await stack.stop();
  }
}

function plan(port: number, streams: number, requests: number) {
  const body = JSON.stringify({
    model,
    messages: [{ role: "user", content: "Tell me a story about a river and a stone." }],
    max_tokens: tokens,
    ignore_eos: true,
    stream: true,
  });
  return { port, streams, requests, body };
}

function print(name: string, streams: number, it: LoadMeasure): void {
  const perSecond = Math.round(it.chunks / (it.wallMs / 1000));
  console.log(
    `| ${name} | ${streams} | ${perSecond} | ${Math.round(it.chunksPerCpuSecond)} | ${it.ttftP50Ms.toFixed(1)} / ${it.ttftP99Ms.toFixed(1)} | ${it.itlP50Ms.toFixed(2)} | ${Math.round(it.rssMb)} | ${Math.round(it.bytes / it.chunks)} | ${it.errors} |`,
  );
}

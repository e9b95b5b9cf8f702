// Streams through a frontend and the request plane from a mock engine, beside real Dynamo 1.6.1 with its own mocker, on
// the same cores in the same run. Build first. Frontends alone are charged; results: docs/benchmarks/request-plane.md.
// Run: node --conditions=@dyn/source --import tsx packages/e2e/bench/request-plane.ts [streams,...] [stacks,...]
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { modelPath } from "@dyn/tiny-models";
import { DynamoPeer, type PeerPlanes } from "../interop/dynamo-peer.ts";
import { type StartedProgram, startProcess } from "../src/start-program.ts";
import { type LoadMeasure, measureLoad } from "./load/measure-load.ts";

const tokens = 128;
/** Of both mock engines. Dynamo's mocker at this ratio takes about as long. */
const decodeMsPerStep = Number(process.env.DECODE_MS ?? 2.8);
const speedupRatio = process.env.SPEEDUP ?? "2";
const requestsOf: Readonly<Record<number, number>> = { 1: 24, 64: 1024, 512: 1536, 2000: 4000 };
const model = "mock";
/** Such as `--cpu-prof --cpu-prof-dir=...`. */
const profileArgs = process.env.FRONTEND_NODE_ARGS?.split(" ") ?? [];

interface Stack {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const [streamsArg = "1,64,512,2000", stacksArg = "dyn,dyn-apart,dyn-dynamo,dynamo"] =
  process.argv.slice(2);
const peer = /dynamo/.test(stacksArg) ? DynamoPeer.prepare() : null;
const stacks: Readonly<Record<string, () => Promise<Stack>>> = {
  dyn: () => startStack(startOurFrontend, (planes) => startOurWorker(planes, "1")),
  "dyn-apart": () => startStack(startOurFrontend, (planes) => startOurWorker(planes, "0")),
  "dyn-dynamo": () => startStack(startOurFrontend, startMocker),
  dynamo: () => startStack((planes) => peer!.startFrontend(planes), startMocker),
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

async function startStack(
  startFrontend: (planes: PeerPlanes) => Promise<StartedProgram & { readonly url: string }>,
  startWorker: (planes: PeerPlanes) => Promise<StartedProgram>,
): Promise<Stack> {
  const root = await mkdtemp(join(tmpdir(), "dyn-bench-"));
  const planes = { flags: ["--discovery-backend", "file"], env: { DYN_FILE_KV: root } };
  const worker = await startWorker(planes);
  const frontend = await startFrontend(planes);
  await waitForModel(frontend.url);
  return {
    port: Number(new URL(frontend.url).port),
    pid: frontend.process.pid!,
    stop: async () => {
      await frontend.stop(profileArgs.length > 0 ? "SIGTERM" : "SIGKILL");
      await worker.stop("SIGKILL");
      await rm(root, { recursive: true });
    },
  };
}

async function startOurFrontend(planes: PeerPlanes) {
  const program = await startProcess({
    command: process.execPath,
    args: [
      ...(process.env.FRONTEND_NODE_ARGS?.split(" ") ?? []),
      "apps/frontend/dist/main.js",
      ...planes.flags,
    ],
    env: { ...planes.env, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
    ready: /(http:\/\/127\.0\.0\.1:\d+)/,
  });
  return { ...program, url: program.ready };
}

function startOurWorker(planes: PeerPlanes, mux: string): Promise<StartedProgram> {
  return startProcess({
    command: process.execPath,
    args: [
      ...["apps/worker/dist/main.js", "--model-path", modelPath("dyn-tiny-chat")],
      ...["--served-model-name", model, "--engine", "mock", "--max-running-requests", "4096"],
      ...["--mock-decode-ms-per-step", String(decodeMsPerStep), "--mock-page-count", "65536"],
      ...planes.flags,
    ],
    env: { ...planes.env, DYN_RESPONSE_MUX: mux },
    ready: /(ready)/,
  });
}

function startMocker(planes: PeerPlanes): Promise<StartedProgram> {
  const flags = [
    "--speedup-ratio",
    speedupRatio,
    "--max-num-seqs",
    "4096",
    "--num-gpu-blocks-override",
    "65536",
  ];
  return peer!.startMocker(planes, modelPath("dyn-tiny-chat"), model, ...flags);
}

async function waitForModel(url: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const page = await fetch(`${url}/v1/models`).then(
      (response) => response.text(),
      () => "",
    );
    if (page.includes(`"${model}"`)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not list ${model} within 60 s.`);
}

// How fast KV goes from one process to another, beside memcpy and, over TCP, beside a bare socket of Node's: two engines'
// halves over an executor whose pages are real memory and whose steps take no time.
// `node --conditions=@dyn/source --import tsx packages/disagg/bench/hand-over.ts [tokens] [KiB of a run] [runs on their way] [shm|tcp]`
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { createDisaggregation, type DisaggregationOptions } from "@dyn/disagg";
import {
  createLocalEngine,
  type Engine,
  type Executor,
  type GenerateRequest,
  MockExecutor,
} from "@dyn/engine";
import { createKvStore } from "@dyn/engine-onnx";
import { collect } from "../test/pair/collect.ts";
import { drawRoom, makeRequest } from "../test/pair/make-request.ts";

const pageSize = 16;
const [promptTokens = 4096, runKib = 4096, window = 4] = process.argv.slice(2, 5).map(Number);
/** Rounds are taken until so many were quiet, or the time is over. */
const quietRounds = 30;
const longestMs = 30_000;
/** Of the machine's processor time, taken by others during a round. */
const quietShare = 0.1;
const warmUps = 3;
/** Qwen3-0.6B: 28 layers, 8 KV heads of 128, float32: 224 KiB per token, here a quarter of it. */
const layerCount = 7;
const kvHeadCount = 8;
const headDim = 128;
const bytesPerToken = 4 * 2 * layerCount * kvHeadCount * headDim;
const pageCount = 2 * (promptTokens / pageSize);

/** The pages of the ONNX engine. */
function createExecutor(): Executor {
  const mock = new MockExecutor({ vocabSize: 1000, pageSize, pageCount, contextLength: 8192 });
  return {
    info: mock.info,
    step: (batch) => mock.step(batch),
    releaseSequence: () => {},
    releaseWeights: () => mock.releaseWeights(),
    resumeWeights: () => mock.resumeWeights(),
    close: () => mock.close(),
    kv: createKvStore({ layerCount, kvHeadCount, headDim, pageSize, pageCount }),
  };
}

async function startSide(options: DisaggregationOptions) {
  const side = await createDisaggregation(options);
  const engine = createLocalEngine(createExecutor(), {
    disableRadixCache: true,
    chunkedPrefillSize: 8192,
    kvTransfer: side.transfer,
  });
  return { side, engine };
}

type ToChild = { readonly request: GenerateRequest } | "cpu" | "close";

async function serveDecode(options: DisaggregationOptions): Promise<void> {
  const { side, engine } = await startSide(options);
  const pipe = createServer((socket) => {
    let left = copySource.length;
    socket.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left === 0) socket.end("all");
    });
  }).listen(0, "127.0.0.1");
  await once(pipe, "listening");
  process.on("message", async (message: ToChild) => {
    if (message === "close") {
      pipe.close();
      await engine.close();
      await side.close();
      process.disconnect();
    } else if (message === "cpu") {
      process.send!(cpuMs());
    } else {
      process.send!(await collect(engine, message.request));
    }
  });
  process.send!((pipe.address() as AddressInfo).port);
}

/** As many bytes as a hand-over moves. */
const copySource = Buffer.alloc(promptTokens * bytesPerToken, 1);
const copyTarget = Buffer.alloc(copySource.length, 2);

function memcpyMs(): number {
  const startMs = performance.now();
  copySource.copy(copyTarget);
  return performance.now() - startMs;
}

/** The same bytes through a socket of Node's, in pieces as large as runs, to a process that drops them. */
async function pipeMs(port: number): Promise<number> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const startMs = performance.now();
  for (let at = 0; at < copySource.length; at += runKib * 1024) {
    if (!socket.write(copySource.subarray(at, at + runKib * 1024))) await once(socket, "drain");
  }
  await once(socket, "data");
  const ms = performance.now() - startMs;
  socket.destroy();
  return ms;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function ask(child: ChildProcess, message: ToChild): Promise<unknown> {
  child.send(message);
  return (await once(child, "message"))[0];
}

async function measure(transport: "shm" | "tcp"): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), {
    execArgv: process.execArgv,
    env: { ...process.env, TRANSPORT: transport },
    serialization: "advanced",
  });
  const [port] = (await once(child, "message")) as [number];
  const { side, engine } = await startSide(optionsOf("prefill", transport));
  const tokenIds = Array.from({ length: promptTokens }, (_, i) => i % 1000);
  const run = async (prefill: Engine) => {
    const room = drawRoom();
    const half = (role: "prefill" | "decode"): GenerateRequest => ({
      ...makeRequest({ tokenIds, sampling: { maxNewTokens: 1 } }),
      disaggregation: {
        role,
        bootstrapHost: "127.0.0.1",
        bootstrapPort: side.bootstrapPort!,
        bootstrapRoom: room,
      },
    });
    const startMs = performance.now();
    await Promise.all([ask(child, { request: half("decode") }), collect(prefill, half("prefill"))]);
    return performance.now() - startMs;
  };
  for (let i = 0; i < warmUps; i++) await run(engine);
  // Turn by turn, so that what else the machine does meets all of them.
  const all: Round[] = [];
  const quiet: Round[] = [];
  const untilMs = performance.now() + longestMs;
  while (quiet.length < quietRounds && performance.now() < untilMs) {
    const copyMs = memcpyMs();
    const socketMs = transport === "tcp" ? await pipeMs(port) : 0;
    const childMs = (await ask(child, "cpu")) as number;
    const before = { ownMs: cpuMs() + childMs, machineMs: machineMs(), startMs: performance.now() };
    const handOverMs = await run(engine);
    const wallMs = performance.now() - before.startMs;
    const othersMs = machineMs() - before.machineMs;
    const ownMs = cpuMs() + ((await ask(child, "cpu")) as number) - before.ownMs;
    const round = { copyMs, socketMs, handOverMs, ownMs };
    all.push(round);
    if (othersMs - ownMs < quietShare * wallMs * availableParallelism()) quiet.push(round);
  }
  child.send("close" satisfies ToChild);
  await once(child, "exit");
  await engine.close();
  await side.close();
  report(`${transport}, all ${all.length} rounds`, all);
  if (quiet.length > 0) report(`${transport}, ${quiet.length} quiet rounds`, quiet);
}

interface Round {
  readonly copyMs: number;
  /** 0: not measured. */
  readonly socketMs: number;
  readonly handOverMs: number;
  /** Processor time of both processes. */
  readonly ownMs: number;
}

function report(name: string, rounds: readonly Round[]): void {
  const own = rates(rounds.map(({ handOverMs }) => handOverMs));
  const copy = rates(rounds.map(({ copyMs }) => copyMs));
  const socket = rates(rounds.map(({ socketMs }) => socketMs));
  const peers = [`memcpy ${copy.text}: ${own.over(copy)}`];
  if (socket.medianMs > 0) peers.push(`bare socket ${socket.text}: ${own.over(socket)}`);
  const perThousandMs = (own.medianMs * 1000) / promptTokens;
  const cpu = rates(rounds.map(({ ownMs }) => ownMs));
  console.log(
    `${name}: ${own.text}; ${peers.join("; ")}; ${perThousandMs.toFixed(1)} ms per 1k tokens of ${bytesPerToken / 1024} KiB; processor time of both ${cpu.medianMs.toFixed(0)} ms a hand-over`,
  );
}

/** Processor time that all processes of the machine have taken; 0 where it is not told. */
function machineMs(): number {
  if (!existsSync("/proc/stat")) return 0;
  const [user, nice, system, , , irq, softIrq] = /^cpu +(.*)$/m
    .exec(readFileSync("/proc/stat", "utf8"))![1]!
    .split(" ")
    .map(Number) as [number, number, number, number, number, number, number];
  const tickMs = 10;
  return tickMs * (user + nice + system + irq + softIrq);
}

function rates(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)]!;
  const bestMs = sorted[0]!;
  const rate = (ms: number) => (copySource.length / 1000 / ms).toFixed(0);
  const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(0)} %`;
  return {
    medianMs,
    bestMs,
    text: `${rate(medianMs)} MB/s (best ${rate(bestMs)})`,
    over: (peer: { medianMs: number; bestMs: number }) =>
      `${percent(peer.medianMs, medianMs)} (best ${percent(peer.bestMs, bestMs)})`,
  };
}

function optionsOf(mode: "prefill" | "decode", transport: "shm" | "tcp"): DisaggregationOptions {
  return { mode, transport, runBytes: runKib * 1024, window };
}

if (process.send !== undefined) {
  await serveDecode(optionsOf("decode", process.env.TRANSPORT as "shm" | "tcp"));
} else {
  const only = process.argv[5];
  for (const transport of ["shm", "tcp"] as const) {
    if (only === undefined || only === transport) await measure(transport);
  }
}

// How fast KV goes from one process to another, beside memcpy: two engines' halves over an executor whose pages are real
// memory and whose steps take no time. `node --conditions=@dyn/source --import tsx packages/disagg/bench/hand-over.ts`
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createDisaggregation, type DisaggregationOptions } from "@dyn/disagg";
import {
  createLocalEngine,
  type Engine,
  type Executor,
  type GenerateRequest,
  MockExecutor,
} from "@dyn/engine";
import { collect } from "../test/pair/collect.ts";
import { drawRoom, makeRequest } from "../test/pair/make-request.ts";

const pageSize = 16;
const promptTokens = 4096;
const rounds = 24;
/** Qwen3-0.6B: 28 layers, 8 KV heads of 128, float32: 224 KiB per token, here a quarter of it. */
const pools = 14;
const heads = 8;
const headDim = 128;
const bytesPerToken = 4 * pools * heads * headDim;
const pageCount = 2 * (promptTokens / pageSize);

/** The arrangement of engine-onnx's pages, [pool][head][page x token x dim]. */
function createExecutor(): Executor {
  const mock = new MockExecutor({ vocabSize: 1000, pageSize, pageCount, contextLength: 8192 });
  const data = Array.from({ length: pools * heads }, () =>
    new Float32Array(pageCount * pageSize * headDim).fill(1),
  );
  const walk = (
    pages: Int32Array,
    start: number,
    count: number,
    move: (row: Float32Array, at: number, from: number, length: number) => void,
  ) => {
    const runs: { token: number; slot: number; length: number }[] = [];
    for (let done = 0; done < count; ) {
      const inPage = (start + done) % pageSize;
      const length = Math.min(pageSize - inPage, count - done);
      const slot = pages[Math.floor((start + done) / pageSize)]! * pageSize + inPage;
      const last = runs.at(-1);
      if (last !== undefined && last.slot + last.length === slot) last.length += length;
      else runs.push({ token: done, slot, length });
      done += length;
    }
    for (const [row, values] of data.entries()) {
      for (const { token, slot, length } of runs) {
        move(values, slot * headDim, (row * count + token) * headDim, length * headDim);
      }
    }
  };
  const floats = (bytes: Uint8Array) =>
    new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return {
    info: mock.info,
    step: (batch) => mock.step(batch),
    releaseSequence: () => {},
    releaseWeights: () => mock.releaseWeights(),
    resumeWeights: () => mock.resumeWeights(),
    close: () => mock.close(),
    kv: {
      layout: {
        format: "pool-head-token-dim",
        elementType: "float32",
        layerCount: pools / 2,
        kvHeadCount: heads,
        headDim,
        tensorParallelSize: 1,
        bytesPerToken,
        pageSize,
      },
      exportTokens(pages, start, count, bytes) {
        const run = floats(bytes);
        walk(pages, start, count, (row, at, from, length) =>
          run.set(row.subarray(at, at + length), from),
        );
      },
      importTokens(pages, start, count, bytes) {
        const run = floats(bytes);
        walk(pages, start, count, (row, at, from, length) =>
          row.set(run.subarray(from, from + length), at),
        );
      },
    },
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

async function serveDecode(options: DisaggregationOptions): Promise<void> {
  const { side, engine } = await startSide(options);
  process.on("message", async (message: { request?: GenerateRequest; close?: true }) => {
    if (message.request !== undefined) process.send!(await collect(engine, message.request));
    else {
      await engine.close();
      await side.close();
      process.disconnect();
    }
  });
  process.send!("ready");
}

/** As many bytes as a hand-over moves. */
const copySource = Buffer.alloc(promptTokens * bytesPerToken, 1);
const copyTarget = Buffer.alloc(copySource.length, 2);

function memcpyMs(): number {
  const startMs = performance.now();
  copySource.copy(copyTarget);
  return performance.now() - startMs;
}

async function measure(transport: "shm" | "tcp"): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), [transport], {
    execArgv: process.execArgv,
    serialization: "advanced",
  });
  await once(child, "message");
  const { side, engine } = await startSide({ mode: "prefill", transport });
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
    child.send({ request: half("decode") });
    await Promise.all([collect(prefill, half("prefill")), once(child, "message")]);
    return performance.now() - startMs;
  };
  for (let i = 0; i < 3; i++) await run(engine);
  // Turn by turn, so that what else the machine does meets both.
  const times: number[] = [];
  const copies: number[] = [];
  for (let i = 0; i < rounds; i++) {
    copies.push(memcpyMs());
    times.push(await run(engine));
  }
  child.send({ close: true });
  await once(child, "exit");
  await engine.close();
  await side.close();
  const sizeMb = copySource.length / 1e6;
  const rate = (ms: number) => (sizeMb * 1000) / ms;
  const [ms, copyMs] = [median(times), median(copies)];
  const [best, bestCopy] = [times[0]!, copies[0]!];
  console.log(
    `${transport}: ${rate(ms).toFixed(0)} MB/s (best ${rate(best).toFixed(0)}), memcpy ${rate(copyMs).toFixed(0)} (best ${rate(bestCopy).toFixed(0)}): ${((100 * copyMs) / ms).toFixed(0)} % (best ${((100 * bestCopy) / best).toFixed(0)} %); ${((ms * 1000) / promptTokens).toFixed(1)} ms per 1k tokens of ${bytesPerToken / 1024} KiB`,
  );
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

if (process.send !== undefined) {
  await serveDecode({ mode: "decode", transport: process.argv[2] as "shm" | "tcp" });
} else {
  for (const transport of ["shm", "tcp"] as const) await measure(transport);
}

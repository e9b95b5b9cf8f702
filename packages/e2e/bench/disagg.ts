// What disaggregation is for: chats that are being written while long prompts come in, with the same number of workers
// apart and together. Mock engines of honest timing, processes, HTTP. Results: docs/benchmarks/disagg.md, disagg-itl.svg.
// Run: node --conditions=@dyn/source --import tsx packages/e2e/bench/disagg.ts [seconds] [long prompts per second,...]
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { complete } from "../src/deployment.ts";
import { startLaunch } from "../src/start-program.ts";
import { drawLines } from "./plot/draw-lines.ts";

const [secondsArg = "10", ratesArg = "0,1,2,4"] = process.argv.slice(2);
const seconds = Number(secondsArg);
const rates = ratesArg.split(",").map(Number);
const chatCount = 16;
const longTokens = 8_000;
/** About an 8 B model on one GPU: 20,000 prompt tokens a second, 10 ms a step; 128 KiB of KV a token over 200 Gbit/s. */
const engine = {
  engine: "mock",
  "model-path": "dyn-tiny-chat",
  "served-model-name": "tiny",
  "context-length": 16_384,
  "max-prefill-tokens": 16_384,
  "mock-prefill-us-per-token": 50,
  "mock-decode-ms-per-step": 10,
  "mock-decode-us-per-sequence": 50,
  "mock-kv-bytes-per-token": 131_072,
  "mock-kv-gigabytes-per-second": 25,
};
const events = { "kv-events-config": '{"publisher":"zmq","endpoint":"tcp://*:*"}' };
const stacks = {
  "4 aggregated": [worker("worker", 4, { "chunked-prefill-size": 8_192 })],
  "4 aggregated, chunks of 512": [worker("worker", 4, { "chunked-prefill-size": 512 })],
  "2 prefill + 2 decode": [
    worker("prefill", 2, { "disaggregation-mode": "prefill", "chunked-prefill-size": 8_192 }),
    worker("decode", 2, { "disaggregation-mode": "decode" }),
  ],
};

function worker(name: string, replicas: number, flags: object) {
  return { program: "worker", name, replicas, flags: { ...engine, ...events, ...flags } };
}

interface Row {
  readonly stack: string;
  readonly rate: number;
  readonly gapsMs: readonly number[];
  readonly firstMs: readonly number[];
  readonly failed: number;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Milliseconds from the call until each piece of the answer came. */
async function* pieces(url: string, body: object, signal: AbortSignal) {
  const begun = performance.now();
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "tiny",
      temperature: 0,
      ignore_eos: true,
      stream: true,
      ...body,
    }),
    signal,
  });
  if (!answer.ok || answer.body === null)
    throw new Error(`${answer.status}: ${await answer.text()}`);
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) {
    const events = decoder.decode(chunk, { stream: true }).match(/^data: \{/gm)?.length ?? 0;
    for (let i = 0; i < events; i++) yield performance.now() - begun;
  }
}

const tokens = (count: number) =>
  Array.from({ length: count }, () => 10 + Math.floor(Math.random() * 4_000));

async function measure(stack: string, url: string, rate: number): Promise<Row> {
  const end = AbortSignal.timeout(seconds * 1000);
  const gapsMs: number[] = [];
  const firstMs: number[] = [];
  let failed = 0;
  const count = (error: unknown) => {
    if (!end.aborted) {
      failed += 1;
      console.error(String(error));
    }
  };
  const chat = async () => {
    while (!end.aborted) {
      let last: number | null = null;
      try {
        for await (const ms of pieces(url, { prompt: tokens(200), max_tokens: 400 }, end)) {
          if (last !== null) gapsMs.push(ms - last);
          last = ms;
        }
      } catch (error) {
        count(error);
      }
    }
  };
  const long = async () => {
    try {
      for await (const ms of pieces(url, { prompt: tokens(longTokens), max_tokens: 8 }, end)) {
        firstMs.push(ms);
        break;
      }
    } catch (error) {
      count(error);
    }
  };
  const chats = Array.from({ length: chatCount }, chat);
  const longs: Promise<void>[] = [];
  const timer = rate > 0 ? setInterval(() => longs.push(long()), 1000 / rate) : undefined;
  await Promise.all(chats);
  clearInterval(timer);
  await Promise.all(longs);
  return { stack, rate, gapsMs, firstMs, failed };
}

const folder = mkdtempSync(join(tmpdir(), "dyn-bench-disagg-"));
const rows: Row[] = [];
console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}; ` +
    `${chatCount} chats, long prompts of ${longTokens} tokens, ${seconds} s each\n`,
);
console.log(
  "| workers | long prompts/s | ITL p50 / p99 / max ms | chat tokens/s | long TTFT p50 / p99 ms | failed |\n|---|---|---|---|---|---|",
);
try {
  for (const [stack, workers] of Object.entries(stacks)) {
    const file = join(folder, "pattern.yaml");
    const frontend = { program: "frontend", flags: { "router-mode": "kv" } };
    // JSON is YAML too.
    writeFileSync(file, JSON.stringify({ summary: stack, processes: [frontend, ...workers] }));
    const launched = await startLaunch([file]);
    try {
      for (let i = 0; i < 8; i++) await complete(launched.ready, `warm ${i}`, 4);
      for (const rate of rates) {
        const row = await measure(stack, launched.ready, rate);
        rows.push(row);
        console.log(describe(row));
      }
    } finally {
      await launched.stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const plot = fileURLToPath(new URL("../../../docs/benchmarks/disagg-itl.svg", import.meta.url));
writeFileSync(
  plot,
  drawLines({
    title: "p99 inter-token latency of chats, in ms (log scale), by long prompts a second",
    xLabel: "long prompts a second",
    lines: Object.keys(stacks).map((name) => ({
      name,
      points: rows
        .filter(({ stack }) => stack === name)
        .map(({ rate, gapsMs }) => ({ x: rate, y: quantile(gapsMs, 0.99) })),
    })),
  }),
);

function describe({ stack, rate, gapsMs, firstMs, failed }: Row): string {
  const ms = (values: readonly number[], q: number) => quantile(values, q).toFixed(1);
  const itl = `${ms(gapsMs, 0.5)} / ${ms(gapsMs, 0.99)} / ${ms(gapsMs, 1)}`;
  const ttft = firstMs.length === 0 ? "" : `${ms(firstMs, 0.5)} / ${ms(firstMs, 0.99)}`;
  const speed = Math.round(gapsMs.length / seconds);
  return `| ${stack} | ${rate} | ${itl} | ${speed} | ${ttft} | ${failed} |`;
}

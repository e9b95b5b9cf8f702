// Our frontend beside real Dynamo 1.6.1's, each with its own mock engine, on the same cores in the same run: chats of 8
// messages, and long prompts beside short ones. Build first. Results: docs/benchmarks/gateway.md.
// Run: node --conditions=@dyn/source --import tsx packages/e2e/bench/gateway.ts [chats|long] [stacks,...] [connections or rates,...] [seconds] [clients] [workers]
// dyn-N is a frontend of N processes. Clients: processes that share the connections of chats, 1 by default; long and short prompts always
// come from one process each, so that the making of the one does not delay the other. Workers: mock engines of each model, 1 by default.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { modelPath } from "@dyn/tiny-models";
import { DynamoPeer } from "../interop/dynamo-peer.ts";
import { childrenOf } from "../src/process-tree.ts";
import { BenchStacks, type Stack } from "./load/bench-stacks.ts";
import type { ChatPlan, ChatResult } from "./load/chat-client.ts";
import { cpuSecondsOf } from "./load/process-usage.ts";

const [
  what = "chats",
  stacksArg = "dyn,dyn-2,dynamo",
  stepsArg = "1,16,64",
  secondsArg = "8",
  clientsArg = "1",
  workersArg = "1",
] = process.argv.slice(2);
const model = "mock";
const longModel = "mock-long";
const longTokens = 60_000;
const run = promisify(execFile);
const client = fileURLToPath(new URL("load/chat-client.ts", import.meta.url));

const folder = longContextModel();
const bench = new BenchStacks({
  peer: stacksArg.includes("dynamo") ? DynamoPeer.prepare() : null,
  model,
  ...(what === "long" ? { otherModel: longModel } : {}),
  modelPath: folder,
  decodeMsPerStep: 0,
  speedupRatio: "1000",
  workersOfModel: Number(workersArg),
  profileArgs: process.env.FRONTEND_NODE_ARGS?.split(" ") ?? [],
});

function start(name: string): Promise<Stack> {
  if (name === "dyn" || name === "dynamo") return bench.start(name, name);
  if (name === "dyn-dynamo") return bench.start("dyn", "dynamo");
  const processes = /^dyn-(\d+)$/.exec(name)?.[1];
  if (processes === undefined) {
    throw new Error(`Stack "${name}" is not known; there are dyn, dyn-N, dyn-dynamo and dynamo.`);
  }
  return bench.start("dyn", "dyn", { frontendFlags: ["--http-workers", processes] });
}

console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  what === "chats"
    ? "| stack | connections | answers/s | answers per CPU second | p50 / p99 ms | errors |\n|---|---|---|---|---|---|"
    : "| stack | long prompts/s | short TTFT p50 / p99 ms | short errors | long answered (failed) | long TTFT p50 / p99 ms | CPU s |\n|---|---|---|---|---|---|---|",
);
try {
  for (const name of stacksArg.split(",")) {
    const stack = await start(name);
    try {
      await warmUp(stack);
      for (const step of stepsArg.split(",").map(Number)) {
        if (what === "chats") await measureChats(name, stack, step);
        else await measureLong(name, stack, step);
      }
    } finally {
      await stack.stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** By answers and not by time alone: a crowded machine would leave code cold. */
async function warmUp(stack: Stack): Promise<void> {
  let answers = 0;
  for (let round = 0; round < 8 && answers < 6_000; round++) {
    answers += (await measure(stack, dealt({ seconds: 2, connections: 16 }))).answers;
  }
}

async function measureChats(name: string, stack: Stack, connections: number): Promise<void> {
  const it = await measure(stack, dealt({ seconds: Number(secondsArg), connections }));
  console.log(
    `| ${name} | ${connections} | ${Math.round(it.perSecond)} | ${Math.round(it.answers / it.cpuSeconds)} | ${ms(it.p50Ms, it.p99Ms)} | ${it.errors} |`,
  );
}

async function measureLong(name: string, stack: Stack, longPerSecond: number): Promise<void> {
  const seconds = Number(secondsArg);
  const loads: Load[] = [{ seconds, shortPerSecond: 20 }];
  if (longPerSecond > 0) loads.push({ seconds, longPerSecond, longTokens });
  const it = await measure(stack, loads);
  console.log(
    `| ${name} | ${longPerSecond} | ${ms(it.p50Ms, it.p99Ms)} | ${it.errors} | ${it.longAnswers} (${it.longErrors}) | ${ms(it.longP50Ms, it.longP99Ms)} | ${it.cpuSeconds.toFixed(1)} |`,
  );
}

function ms(p50: number, p99: number): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
}

type Load = Omit<ChatPlan, "port" | "model" | "longModel">;

/** The connections, dealt to the client processes. */
function dealt({ seconds, connections }: { seconds: number; connections: number }): Load[] {
  const clients = Math.min(Number(clientsArg), connections);
  return Array.from({ length: clients }, (_, i) => ({
    seconds,
    connections: Math.floor((connections + i) / clients),
  }));
}

/** One client process a load. Of several, the middle median and the worst p99. */
async function measure(
  { port, pid }: Stack,
  loads: readonly Load[],
): Promise<ChatResult & { readonly cpuSeconds: number }> {
  const pids = [pid, ...childrenOf(pid)];
  const used = () => pids.reduce((sum, each) => sum + cpuSecondsOf(each), 0);
  const before = used();
  const results = await Promise.all(
    loads.map(async (load): Promise<ChatResult> => {
      const plan: ChatPlan = { port, model, longModel, ...load };
      const args = [...process.execArgv, client, JSON.stringify(plan)];
      return JSON.parse((await run(process.execPath, args)).stdout);
    }),
  );
  const sum = (of: (it: ChatResult) => number) => results.reduce((all, it) => all + of(it), 0);
  const worst = (of: (it: ChatResult) => number) => Math.max(...results.map(of));
  const medians = results.flatMap(({ answers, p50Ms }) => (answers > 0 ? [p50Ms] : []));
  return {
    answers: sum((it) => it.answers),
    perSecond: sum((it) => it.perSecond),
    errors: sum((it) => it.errors),
    p50Ms: medians.sort((a, b) => a - b)[medians.length >> 1] ?? 0,
    p99Ms: worst((it) => it.p99Ms),
    longAnswers: sum((it) => it.longAnswers),
    longErrors: sum((it) => it.longErrors),
    longP50Ms: worst((it) => it.longP50Ms),
    longP99Ms: worst((it) => it.longP99Ms),
    cpuSeconds: used() - before,
  };
}

/** The bundled model, said to read 128k tokens: mock engines compute nothing. */
function longContextModel(): string {
  const copy = mkdtempSync(join(tmpdir(), "dyn-bench-model-"));
  cpSync(modelPath("dyn-tiny-chat"), copy, { recursive: true });
  for (const [file, field] of [
    ["config.json", "max_position_embeddings"],
    ["tokenizer_config.json", "model_max_length"],
  ] as const) {
    const path = join(copy, file);
    const content = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...content, [field]: 131_072 }));
  }
  return copy;
}

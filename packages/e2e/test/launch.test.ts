// `dyn launch` and its processes: order, death, patterns of one's own.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { begin, complete } from "../src/deployment.ts";
import { untilMetric } from "../src/read-metrics.ts";
import { type StartedProgram, startLaunch } from "../src/start-program.ts";

const file = join(tmpdir(), `dyn-pattern-${process.pid}.yaml`);
let program: StartedProgram | null = null;
afterEach(async () => {
  await program?.stop("SIGKILL");
  rmSync(file, { force: true });
});

const mock = ["--engine", "mock", "--served-model-name", "tiny"];

/** By what their command lines run; only Linux tells it this way. */
function childrenOf(launch: StartedProgram): { pid: number; app: string }[] {
  const { pid } = launch.process;
  const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return pids.flatMap((text) => {
    const app = /apps\/(worker|frontend)\/src/.exec(commandLineOf(text));
    return app?.[1] === undefined ? [] : [{ pid: Number(text), app: app[1] }];
  });
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}

/** The report and the processes' lines come by streams of their own. */
function untilSaid(words: RegExp): Promise<void> {
  return expect.poll(() => program?.output()).toMatch(words);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const onLinux = test.runIf(process.platform === "linux");

onLinux("each part is a process; SIGTERM drains the worker, then ends the frontend", async () => {
  program = await startLaunch(["agg", ...mock, "--mock-decode-ms-per-step", "20"]);
  const children = childrenOf(program);
  expect(children.map(({ app }) => app).toSorted()).toEqual(["frontend", "worker"]);
  const { answer } = await begin(program.ready, "Once", 50);
  expect(await program.stop()).toBe(0);
  expect(await answer).toMatchObject({ tokenCount: 50 });
  expect(program.output()).toMatch(/^worker +\| .*draining/m);
  expect(children.filter(({ pid }) => isRunning(pid))).toEqual([]);
});

onLinux("a process that dies ends the launch, with its code and its last lines", async () => {
  program = await startLaunch(["agg", ...mock]);
  const children = childrenOf(program);
  process.kill(children.find(({ app }) => app === "worker")!.pid, "SIGKILL");
  expect(await program.ended).toBe(137);
  expect(program.output()).toMatch(
    /dyn: worker was ended by SIGKILL.*Its last lines:\n(.*\n)* {2}.*"model":"tiny"/,
  );
  expect(children.filter(({ pid }) => isRunning(pid))).toEqual([]);
});

onLinux("a launcher that is killed takes its processes along", async () => {
  program = await startLaunch(["agg", ...mock]);
  const children = childrenOf(program);
  await program.stop("SIGKILL");
  await expect.poll(() => children.filter(({ pid }) => isRunning(pid))).toEqual([]);
});

onLinux("a second signal ends all of them at once", async () => {
  const launched = await startLaunch(["agg", ...mock, "--mock-decode-ms-per-step", "1000"]);
  program = launched;
  const children = childrenOf(program);
  const answer = complete(program.ready, "Once", 1_000).catch(() => "cut off");
  await untilMetric(launched.systemUrl, "sglang:num_running_reqs", (value) => value > 0);
  program.process.kill("SIGTERM");
  await expect.poll(() => program?.output()).toContain("draining");
  expect(await program.stop("SIGTERM")).toBe(143);
  await answer;
  await expect.poll(() => children.filter(({ pid }) => isRunning(pid))).toEqual([]);
});

test("a pattern of one's own: replicas, names, flags, variables; the command line wins", async () => {
  writeFileSync(
    file,
    `summary: two workers
processes:
  - program: frontend
    name: front
    flags: { router-mode: random, migration-limit: 2 }
  - program: worker
    replicas: 2
    flags: { model-path: dyn-tiny-chat, engine: mock, served-model-name: other, page-size: 32 }
    env: { DYN_LOG: debug }
`,
  );
  program = await startLaunch([file, "--served-model-name", "tiny"]);
  expect(await complete(program.ready, "Once", 5)).toMatchObject({ status: 200, tokenCount: 5 });
  await untilSaid(/^front +\| /m);
  for (const name of ["worker-1", "worker-2"]) {
    await untilSaid(new RegExp(`^${name} +\\| .*"model":"tiny".*"pageSize":32`, "m"));
    await untilSaid(new RegExp(`^ +process +${name}$`, "m"));
  }
  expect(await program.stop()).toBe(0);
});

test("agg-router: two workers that publish KV events, each on ports of its own", async () => {
  program = await startLaunch(["agg-router", ...mock, "--router-mode", "round-robin"]);
  expect(await complete(program.ready, "Once", 5)).toMatchObject({ status: 200, tokenCount: 5 });
  const sockets = () => {
    const told = /^(worker-\d) .*KV events are published.*"endpoint":"(\S+?)"/gm;
    return [...program!.output().matchAll(told)].map(([, name, endpoint]) => [name, endpoint]);
  };
  await expect
    .poll(() =>
      sockets()
        .map(([name]) => name)
        .toSorted(),
    )
    .toEqual(["worker-1", "worker-2"]);
  expect(new Set(sockets().map(([, endpoint]) => endpoint)).size).toBe(2);
  expect(await program.stop()).toBe(0);
});

test("agg-router as it comes: a prompt that was seen goes where it is cached, and /debug/routing says how much", async () => {
  program = await startLaunch(["agg-router", ...mock, "--page-size", "16"]);
  const { ready: url } = program;
  const text = Array.from({ length: 40 }, (_, i) => `Apple number ${i} is ripe.`).join(" ");
  const ask = async () => {
    expect(await complete(url, text, 5)).toMatchObject({ status: 200, tokenCount: 5 });
    return (await routingOf(url)).decisions[0]!;
  };
  // The model is served as soon as the frontend knows one of them.
  await expect.poll(() => routingOf(url)).toMatchObject({ event_sources: 2 });
  const first = await ask();
  expect(first).toMatchObject({ mode: "kv", overlap_blocks: 0, candidate_count: 2 });
  // Its events are on their way.
  await expect
    .poll(async () => (await routingOf(url)).index.blocks)
    .toBeGreaterThanOrEqual(first.request_blocks);
  for (let i = 0; i < 4; i++) {
    const again = await ask();
    expect(again).toMatchObject({
      worker_id: first.worker_id,
      overlap_blocks: first.request_blocks,
    });
    const held = again.candidates.map((it) => [it.worker_id, it.device_blocks]);
    expect(held.toSorted()).toEqual(
      first.candidates
        .map((it) => [it.worker_id, it.worker_id === first.worker_id ? first.request_blocks : 0])
        .toSorted(),
    );
  }
  expect(await routingOf(url)).toMatchObject({ worker_problems: [], event_sources: 2 });
  expect(await program.stop()).toBe(0);
});

interface RoutingPage {
  readonly index: { readonly blocks: number };
  readonly decisions: readonly {
    readonly worker_id: string;
    readonly request_blocks: number;
    readonly overlap_blocks: number;
    readonly candidates: readonly { readonly worker_id: string; readonly device_blocks: number }[];
  }[];
}

/** What the frontend's one router knows and did, the newest decision first. */
async function routingOf(url: string): Promise<RoutingPage> {
  const page = (await (await fetch(`${url}/debug/routing`)).json()) as { models: RoutingPage[] };
  return page.models[0]!;
}

test("lines of JSON stay lines of JSON, and say whose they are", async () => {
  program = await startLaunch(["agg", ...mock], { DYN_LOGGING_JSONL: "1" });
  const names = () => {
    const lines = program?.output().match(/^\{"process".*\}$/gm) ?? [];
    return new Set(lines.map((line) => (JSON.parse(line) as { process: string }).process));
  };
  await expect.poll(names).toEqual(new Set(["frontend", "worker"]));
  expect(await program.stop()).toBe(0);
});

test("--single-process serves the same from one process", async () => {
  program = await startLaunch(["agg", ...mock, "--single-process"]);
  if (process.platform === "linux") expect(childrenOf(program)).toEqual([]);
  expect(await complete(program.ready, "Once", 5)).toMatchObject({ status: 200, tokenCount: 5 });
  expect(await program.stop()).toBe(0);
});

test.each([
  ["summary: x\nprocesses: []\n", "is no deployment pattern"],
  ["summary: x\nprocesses: [{ program: router }]\n", "is no deployment pattern"],
  ["summary: x\nprocesses: [{ program: worker }, { program: worker }]\n", "called worker"],
  ["summary: x\nprocesses: [{ program: worker, flags: { page-sise: 1 } }]\n", "page-sise"],
])("a pattern that says %j is refused before anything starts", async (text, message) => {
  writeFileSync(file, text);
  await expect(startLaunch([file])).rejects.toThrow(message);
});

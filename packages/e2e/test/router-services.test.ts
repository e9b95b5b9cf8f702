// dyn-router and dyn-indexer as processes of their own, beside a worker and a frontend.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBlockHasher } from "@dyn/kv-events";
import type { EngineOutputItem } from "@dyn/protocol";
import { createPlanes, DistributedRuntime } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const events = '{"publisher":"zmq","endpoint":"tcp://*:*","replay_endpoint":"tcp://*:*"}';
const blockSize = 16;
let folder: string;
let open: StartedProgram[];
let runtime: DistributedRuntime;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dyn-router-"));
  open = [];
  const place = { discoveryBackend: "file" as const, fileKv: folder };
  runtime = new DistributedRuntime(await createPlanes(place));
});
afterEach(async () => {
  await Promise.all(open.map((program) => program.stop("SIGKILL")));
  await runtime.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(app: string, args: readonly string[], ready: RegExp): Promise<StartedProgram> {
  const program = await startProgram({
    app,
    args,
    env: { DYN_DISCOVERY_BACKEND: "file", DYN_FILE_KV: folder, DYN_INDEXER_PORT: "0" },
    ready,
  });
  open.push(program);
  return program;
}
const startWorker = (...more: string[]) => {
  const model = ["--model-path", modelPath("dyn-tiny-chat"), "--served-model-name", "tiny"];
  const engine = ["--engine", "mock", "--page-size", String(blockSize)];
  const args = [...model, ...engine, "--kv-events-config", events, ...more];
  return start("worker", args, /"model":"(tiny)"/);
};

async function call<T>(component: string, endpoint: string, body: unknown): Promise<T[]> {
  const client = runtime
    .endpoint({ namespace: "dynamo", component, endpoint })
    .createClient<unknown, T>();
  try {
    await client.waitForInstances({ signal: AbortSignal.timeout(60_000) });
    const items: T[] = [];
    for await (const { data } of client.generate(body)) if (data !== undefined) items.push(data);
    return items;
  } finally {
    await client.close();
  }
}

const prompt = Array.from({ length: 80 }, (_, i) => 300 + i);

test("dyn-router sends a prompt where it is cached, says so, and offers its index", async () => {
  await Promise.all([startWorker(), startWorker()]);
  const args = ["--endpoint", "dynamo.backend.generate", "--router-block-size", String(blockSize)];
  const router = await start("router", [...args, "--serve-indexer"], /"routesTo":"([^"]+)"/);
  expect(router.ready).toBe("dyn://dynamo.backend.generate");
  const generate = () =>
    call<EngineOutputItem>("router", "generate", {
      model: "tiny",
      token_ids: prompt,
      stop_conditions: { max_tokens: 4, ignore_eos: true },
    });
  const workerOf = ([first]: EngineOutputItem[]) =>
    (first!.routing_data as { worker_id: { decode_worker_id: bigint } }).worker_id.decode_worker_id;
  const answer = await generate();
  expect(answer.flatMap(({ token_ids }) => token_ids)).toHaveLength(4);
  expect(answer.at(-1)!.routing_data).toMatchObject({ timing: { kv_hit_rate: 0 } });
  const home = workerOf(answer);
  const { localHashes } = createBlockHasher().hashTokens(prompt, { blockSize });
  const query = { model_name: "tiny", block_hashes: [...localHashes] };
  await expect
    .poll(async () => (await call("backend", "kv_indexer_query", query))[0])
    .toMatchObject({
      TieredScores: { device: { scores: [[{ worker_id: home, dp_rank: 0 }, 5]] } },
    });
  expect(await call("router", "best_worker_id", prompt)).toEqual([home]);
  const again = await generate();
  expect(workerOf(again)).toBe(home);
  expect(again.at(-1)!.routing_data).toMatchObject({ timing: { kv_hit_rate: 1 } });
  const workers = async () => {
    const query = { token_ids: prompt };
    const [scores] = await call<{ workers: object[] }>("router", "get_overlap_scores", query);
    return scores!.workers;
  };
  await expect.poll(workers).toHaveLength(2);
  expect(await workers()).toContainEqual(
    expect.objectContaining({ worker_id: home, device_blocks: 5 }),
  );
  expect(await router.stop()).toBe(0);
});

test("dyn-router chooses prefill workers by the policy for them, whichever the file or a flag names", async () => {
  const policy = join(folder, "policy.yaml");
  const twoTier = (name: string) => `{ name: ${name}, type: dynamo-two-tier-cost-fn }`;
  const scorer = "{ type: active-requests }";
  const least = `{ name: least, type: dyn-profile, parameters: { scorers: [${scorer}] } }`;
  const instances = `[${twoTier("tiers")}, ${least}]`;
  writeFileSync(policy, `worker_selection: { prefill: tiers, instances: ${instances} }\n`);
  const args = ["--endpoint", "dynamo.prefill.generate", "--router-block-size", String(blockSize)];
  const start1 = (namespace: string, ...more: string[]) =>
    start(
      "router",
      [...args, "--namespace", namespace, "--router-policy-config", policy, ...more],
      /"policy":"([^"]+)"/,
    );
  // They start before there is a worker, whose card says which kind it is.
  const [byFile, byFlag, , byDefault] = await Promise.all([
    start1("a"),
    start1("b", "--router-prefill-policy", "least", "--router-decode-policy", "default"),
    startWorker("--disaggregation-mode", "prefill"),
    start1("c", "--router-prefill-policy", "default", "--router-event-threads", "8"),
  ]);
  expect([byFile, byFlag, byDefault].map(({ ready }) => ready)).toEqual([
    "two-tier",
    "least",
    "cost",
  ]);
  await expect.poll(() => byDefault.output()).toContain("--router-event-threads");
});

test("dyn-indexer follows a worker's engine socket and answers over HTTP", async () => {
  const worker = await startWorker();
  const { ready: url } = await start("indexer", [], /"url":"(http:[^"]+)"/);
  const [, endpoint, replay] =
    /"endpoint":"(tcp:[^"]+)","replayEndpoint":"(tcp:[^"]+)"/.exec(worker.output()) ?? [];
  const post = async (path: string, body: object) => {
    const response = await fetch(`${url}${path}`, { method: "POST", body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as object };
  };
  const registration = {
    instance_id: 7,
    endpoint: endpoint!.replace("*", "127.0.0.1"),
    replay_endpoint: replay!.replace("*", "127.0.0.1"),
    model_name: "m",
    block_size: blockSize,
  };
  expect(await post("/register", registration)).toMatchObject({ status: 201 });
  const generate = (tokenIds: number[]) =>
    call("backend", "generate", {
      model: "tiny",
      token_ids: tokenIds,
      stop_conditions: { max_tokens: 2, ignore_eos: true },
      sampling_options: {},
      output_options: {},
      eos_token_ids: [],
      annotations: [],
    });
  let round = 0;
  await expect
    .poll(async () => {
      // The subscription takes effect a little later: what comes then tells of what was missed.
      await generate([...prompt, ...Array.from({ length: 32 }, () => 2_000 + round)]);
      round += 1;
      return (await post("/query", { model_name: "m", token_ids: prompt })).body;
    })
    .toMatchObject({ scores: { 7: { 0: 80 } } });
});

test.each([
  ["router", [], "--endpoint"],
  ["router", ["--endpoint", "backend.generate"], "three parts"],
  ["router", ["--endpoint", "a.b.c", "--router-mode", "random"], "--router-mode"],
  ["router", ["--endpoint", "a.b.c", "--router-prefill-policy", "fast"], "--router-policy-config"],
  ["router", ["--endpoint", "a.b.c", "--router-conditional-disagg"], "--router-conditional-disagg"],
  ["indexer", ["--workers", "7=tcp://127.0.0.1:1"], "--block-size"],
  ["indexer", ["--workers", "x", "--block-size", "4"], '"x"'],
])("dyn-%s %j is refused with the remedy", async (app, args, text) => {
  const refused = await start(app, args, /never (.) ready/).catch((error: Error) => error.message);
  expect(refused).toContain(text);
});

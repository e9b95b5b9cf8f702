// The engine's routes, called while requests run, as an operator's or a trainer's script does.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createWeightSender } from "@dyn/weights";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete, Deployment, tinyModel, untilListed } from "../src/deployment.ts";

let deployment: Deployment;
beforeEach(() => {
  deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
});
afterEach(() => deployment.close());

const first = fileURLToPath(new URL(`../../../${tinyModel}`, import.meta.url));

async function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { ready: url } = await deployment.startFrontend();
  const { systemUrl } = await deployment.startWorker(["--engine", "onnx", ...args], env);
  await untilListed(url, "tiny");
  const tell = async (path: string, body?: unknown, init: RequestInit = {}) => {
    const answer = await fetch(`${systemUrl}/engine/${path}`, {
      method: "POST",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...init,
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return { url, systemUrl, tell };
}

/** A worker that comes back is found by the frontend a moment later: until then it answers 503. */
async function askUntilTaken(url: string): ReturnType<typeof complete> {
  for (;;) {
    const answer = await complete(url, "x", 1);
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Header {
  readonly [name: string]: {
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly data_offsets: readonly [number, number];
  };
}

function readWeights(path: string): { header: Header; data: Buffer; bytes: Buffer } {
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...header } = JSON.parse(bytes.toString("utf8", 8, end));
  return { header, data: bytes.subarray(end), bytes };
}

/** A checkpoint of the same shape that says something else: its last norm is the other way round. */
function writeSecond(): string {
  const directory = join(deployment.folder, "second");
  mkdirSync(directory);
  cpSync(first, directory, { recursive: true });
  const path = join(directory, "model.safetensors");
  const { header, data, bytes } = readWeights(path);
  const [from, to] = header["model.norm.weight"]!.data_offsets;
  reverse(data.subarray(from, to), header["model.norm.weight"]!.dtype);
  writeFileSync(path, bytes);
  return directory;
}

function reverse(bytes: Buffer, dtype: string): void {
  const size = dtype === "F32" ? 4 : 2;
  const values = Array.from({ length: bytes.length / size }, (_, i) =>
    Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
  );
  for (const [i, value] of values.reverse().entries()) value.copy(bytes, i * size);
}

/** One tensor of a checkpoint, as a safetensors file in base64. */
function tensorOf(directory: string, name: string): string {
  const { header, data } = readWeights(join(directory, "model.safetensors"));
  const { dtype, shape, data_offsets } = header[name]!;
  const [from, to] = data_offsets;
  const text = JSON.stringify({ [name]: { dtype, shape, data_offsets: [0, to - from] } });
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, data.subarray(from, to)]).toString("base64");
}

const prompt = "Once upon a time";
const tokenCount = 48;

test("weights change under load and back: every answer is wholly the old ones' or wholly the new ones'", async () => {
  const { url, tell } = await start();
  const second = writeSecond();
  const ask = () => complete(url, prompt, tokenCount);
  const old = (await ask()).text;
  const load = { isOver: false, texts: new Set<string | null>(), count: 0 };
  const clients = Array.from({ length: 4 }, async () => {
    while (!load.isOver) {
      const answer = await ask();
      expect(answer).toMatchObject({ status: 200, tokenCount });
      load.texts.add(answer.text);
      load.count++;
    }
  });
  const success = { status: 200, body: { success: true, num_paused_requests: 0 } };
  const toSecond = { model_path: second, weight_version: "two" };
  expect(await tell("control/update_weights_from_disk", toSecond)).toMatchObject(success);
  const other = (await ask()).text;
  expect(other).not.toBe(old);
  expect((await tell("get_weight_version")).body).toEqual({ weight_version: "two" });
  expect(await tell("update_weights_from_disk", { model_path: first })).toMatchObject(success);
  expect((await ask()).text).toBe(old);
  // The same change, of one tensor alone.
  const tensors = [tensorOf(second, "model.norm.weight")];
  expect(
    (await tell("control/update_weights_from_tensor", { serialized_named_tensors: tensors })).body,
  ).toEqual({ success: true, message: "Succeeded to update model weights." });
  expect((await ask()).text).toBe(other);
  expect(await tell("update_weights_from_disk", { model_path: first })).toMatchObject(success);
  expect((await ask()).text).toBe(old);
  load.isOver = true;
  await Promise.all(clients);
  expect(load.count).toBeGreaterThan(0);
  for (const text of load.texts) expect([old, other]).toContain(text);
  // What does not fit changes nothing, and says why.
  const missing = await tell("control/update_weights_from_disk", { model_path: "/nowhere" });
  expect(missing).toMatchObject({
    status: 200,
    body: { success: false, message: expect.stringContaining("/nowhere"), num_paused_requests: 0 },
  });
  const garbage = [Buffer.from("no tensors").toString("base64")];
  expect(
    (await tell("update_weights_from_tensor", { serialized_named_tensors: garbage })).body,
  ).toMatchObject({ success: false });
  const named = { names: ["model.norm.weight"], dtypes: ["float32"], shapes: [[256]] };
  expect((await tell("control/update_weights_from_distributed", named)).body).toMatchObject({
    success: false,
    message: expect.stringContaining("joins no process group"),
  });
  expect((await ask()).text).toBe(old);
});

test("a trainer sends a tensor over TCP, and the next answers are the new weights'", async () => {
  const { url, tell } = await start();
  const ask = async () => (await complete(url, prompt, tokenCount)).text;
  const old = await ask();
  const sender = await createWeightSender({ worldSize: 2 });
  try {
    const group = {
      master_address: "127.0.0.1",
      master_port: sender.port,
      rank_offset: 1,
      world_size: 2,
    };
    const nccl = await tell("init_weights_update_group", group);
    expect(nccl.body).toMatchObject({
      success: false,
      message: expect.stringContaining('"backend": "tcp"'),
    });
    const joined = await tell("init_weights_update_group", { ...group, backend: "tcp" });
    expect(joined.body).toMatchObject({ success: true });
    await sender.joined({ signal: AbortSignal.timeout(60_000) });
    const { header, data } = readWeights(join(first, "model.safetensors"));
    const name = "model.norm.weight";
    const { dtype, shape, data_offsets } = header[name]!;
    const whole = Buffer.from(data.subarray(...data_offsets));
    const changed = Buffer.from(whole);
    reverse(changed, dtype);
    const types: Record<string, string> = { F32: "float32", F16: "float16", BF16: "bfloat16" };
    const update = async (bytes: Buffer, weight_version: string) => {
      const body = { names: [name], dtypes: [types[dtype]!], shapes: [shape], weight_version };
      const [answer] = await Promise.all([
        tell("control/update_weights_from_distributed", body),
        sender.send([{ name, dtype: types[dtype]!, shape, data: bytes }], {
          signal: AbortSignal.timeout(60_000),
        }),
      ]);
      expect(answer.body).toMatchObject({ success: true });
      expect((await tell("get_weight_version")).body).toEqual({ weight_version });
    };
    await update(changed, "step-1");
    const other = await ask();
    expect(other).not.toBe(old);
    await update(whole, "step-2");
    expect(await ask()).toBe(old);
    expect((await tell("destroy_weights_update_group", {})).body).toMatchObject({ success: true });
    const again = await tell("destroy_weights_update_group", {});
    expect(again.body).toMatchObject({ success: false });
  } finally {
    await sender.close();
  }
});

test("paused it is not found, and all of its memory has to be back before it serves again", async () => {
  const { url, tell, systemUrl } = await start();
  const ok = { status: 200, body: { status: "ok" } };
  const whole = await complete(url, prompt, 800);
  // An answer that ended before the order to pause arrived is asked for once more.
  let frozen: ReturnType<typeof complete>;
  for (;;) {
    const asked = complete(url, prompt, 800);
    let isOver = false;
    void asked.finally(() => {
      isOver = true;
    });
    await expect.poll(async () => isOver || (await isRunning(systemUrl))).toBe(true);
    const busy = await tell("release_memory_occupation", {});
    expect(await tell("pause_generation", { mode: "in_place" })).toEqual(ok);
    if (await isRunning(systemUrl)) {
      expect(busy).toMatchObject({ status: 500, body: { error: "Handler error" } });
      frozen = asked;
      break;
    }
    expect(await tell("resume_memory_occupation", {})).toEqual(ok);
    expect(await tell("continue_generation")).toEqual(ok);
    expect((await askUntilTaken(url)).status).toBe(200);
  }
  expect(await tell("pause_generation", { mode: "in_place" })).toEqual(ok);
  await expect.poll(async () => (await complete(url, "x", 1)).status).not.toBe(200);
  // Standing still by order is not being stuck.
  expect((await fetch(`${systemUrl}/health`)).status).toBe(200);
  expect(await tell("pause_generation", { mode: "retract" })).toEqual(ok);
  expect(await tell("release_memory_occupation", {})).toEqual(ok);
  expect(await tell("release_memory_occupation", { tags: ["weights"] })).toEqual(ok);
  expect(await tell("resume_memory_occupation", { tags: ["weights"] })).toEqual(ok);
  expect(await tell("continue_generation")).toEqual(ok);
  let isServed = false;
  const later = askUntilTaken(url).finally(() => {
    isServed = true;
  });
  expect((await tell("flush_cache")).body).toMatchObject({ status: "error" });
  expect(isServed).toBe(false);
  expect(await tell("resume_memory_occupation")).toEqual(ok);
  expect(await tell("resume_memory_occupation", { tags: ["kv_cache"] })).toEqual(ok);
  expect((await later).status).toBe(200);
  expect(await frozen).toMatchObject({ status: 200, text: whole.text, tokenCount: 800 });
  expect((await tell("flush_cache", { timeout: 60 })).body).toMatchObject({ status: "success" });
  expect(await complete(url, prompt, 800)).toMatchObject({ text: whole.text });
});

test("a profile has the steps of the engine and the functions they were in", async () => {
  const { url, tell } = await start();
  const output_dir = join(deployment.folder, "profiles");
  const started = await tell("control/start_profile", { output_dir, profile_id: "one" });
  expect(started.body).toEqual({ status: "ok", message: "Profiling started" });
  expect(await tell("start_profile", { unknown: 1 })).toMatchObject({ status: 500 });
  await complete(url, prompt, tokenCount);
  const stopped = await tell("stop_profile");
  // No directory can be made there; the answer, and the next command, come all the same.
  expect(await tell("start_profile", { output_dir: "/proc/profiles" })).toMatchObject({
    status: 500,
    body: { error: "Handler error", message: expect.stringContaining("/proc/profiles") },
  });
  expect(stopped.body).toMatchObject({ status: "ok", message: "Profiling stopped" });
  const { traceEvents } = JSON.parse(readFileSync(join(output_dir, "one.trace.json"), "utf8"));
  const spans = (traceEvents as { ph: string; name: string; cat: string; dur: number }[]).filter(
    ({ ph }) => ph === "X",
  );
  const decodes = spans.filter(({ name, cat }) => name === "decode" && cat === "executor");
  expect(decodes).toHaveLength(tokenCount - 1);
  for (const { dur } of spans) expect(dur).toBeGreaterThanOrEqual(0);
  expect(new Set(spans.map(({ cat }) => cat))).toEqual(
    new Set(["scheduler", "executor", "sampler"]),
  );
  const cpu = JSON.parse(readFileSync(join(output_dir, "one.cpuprofile"), "utf8"));
  expect(cpu.samples.length).toBeGreaterThan(0);
  expect(
    cpu.nodes.map((node: { callFrame: { functionName: string } }) => node.callFrame.functionName),
  ).toContain("step");
});

test("bodies, paths and callers: the reference's answers", async () => {
  const { tell, systemUrl } = await start([
    ...["--engine-route", "rl/flush=flush_cache:tm", "--engine-route", "pause_generation"],
  ]);
  expect(await tell("unknown", {})).toEqual({
    status: 404,
    body: { error: "Route not found", message: "Route /engine/unknown not found" },
  });
  expect(await tell("flush_cache", undefined, { body: "{" })).toMatchObject({
    status: 400,
    body: { error: "Invalid JSON" },
  });
  const version = { new_version: "v2" };
  expect((await tell("control/update_weight_version", version)).body).toEqual({
    success: true,
    message: "Weight version updated to v2",
    new_version: "v2",
  });
  expect(await tell("control/update_weight_version", {})).toMatchObject({
    status: 500,
    body: { error: "Handler error", message: expect.stringContaining("new_version") },
  });
  expect(await tell("rl/flush", {})).toMatchObject({ status: 200, body: { status: "success" } });
  expect(await tell("rl/flush", [])).toMatchObject({ status: 500 });
  expect((await fetch(`${systemUrl}/engine/get_weight_version`)).status).toBe(200);
  const taints = { taints: ["b", "a", "b"] };
  expect((await tell("update/model_taints", taints)).body).toEqual({
    status: "ok",
    taints: ["a", "b"],
  });
  const records = readdirSync(deployment.folder, { recursive: true, withFileTypes: true })
    // Others are on their way to their names.
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".tmp_"))
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
  expect(records.filter((record) => /"taints":\s*\["a",\s*"b"\]/.test(record))).toHaveLength(1);
  for (const wrong of [{}, { taints: ["dynamo.topology/zone"] }]) {
    expect(await tell("update/model_taints", wrong)).toMatchObject({
      status: 500,
      body: { error: "Handler error", message: expect.stringContaining("taints") },
    });
  }
  const fromPage = { headers: { origin: "http://evil.example" } };
  expect(await tell("pause_generation", {}, fromPage)).toMatchObject({ status: 403 });
});

test("an answer in SGLang's form names the weights that it was made with", async () => {
  const { ready: url } = await deployment.startFrontend([], { DYN_SGLANG_ENABLE_GENERATE: "1" });
  const { systemUrl } = await deployment.startWorker(["--weight-version", "step-1"]);
  await untilListed(url, "tiny");
  const version = async () => {
    const answer = await fetch(`${url}/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        input_ids: [5, 6, 7],
        stream: true,
        sampling_params: { max_new_tokens: 3, ignore_eos: true },
      }),
    });
    const text = await answer.text();
    const found = [...text.matchAll(/"weight_version":"([^"]*)"/g)].map(([, name]) => name);
    expect(found.length, text).toBeGreaterThan(0);
    return [...new Set(found)];
  };
  expect(await version()).toEqual(["step-1"]);
  await fetch(`${systemUrl}/engine/control/update_weight_version`, {
    method: "POST",
    body: JSON.stringify({ new_version: "step-2" }),
  });
  expect(await version()).toEqual(["step-2"]);
});

test("with a key everybody needs it; switched off there is nothing", async () => {
  const keyed = await start([], { DYN_ENGINE_ROUTES: "all", DYN_ENGINE_ROUTES_KEY: "secret" });
  expect(await keyed.tell("flush_cache")).toMatchObject({ status: 401 });
  const headers = { authorization: "Bearer secret" };
  expect(await keyed.tell("flush_cache", undefined, { headers })).toMatchObject({ status: 200 });
  const off = await start(["--engine-routes", "off"]);
  expect(await off.tell("flush_cache")).toMatchObject({ status: 404 });
});

async function isRunning(systemUrl: string | null): Promise<boolean> {
  return /^sglang:num_running_reqs\{.*\} [1-9]/m.test(await metrics(systemUrl));
}

async function metrics(systemUrl: string | null): Promise<string> {
  return (await fetch(`${systemUrl}/metrics`)).text();
}

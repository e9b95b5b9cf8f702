// SGLang's own /generate, from the client's bytes to a worker of ours and back; the same for administration routes.
import { createMockEngine } from "@dyn/engine";
import { createGateway, type Gateway } from "@dyn/gateway";
import { createClearKvBlocksHandler, createDecodeHandler } from "@dyn/handlers";
import { createMetricsRegistry } from "@dyn/metrics";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer, type Tokenizer } from "@dyn/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startScriptedWorker } from "./support/scripted-worker.ts";

const model = "native";
const hub = createMemHub();
const engine = createMockEngine({ vocabSize: 4096, contextLength: 512 });
const address = "dyn://dynamo.native.generate";
let tokenizer: Tokenizer;
let url: string;
let gateway: Gateway;
const opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  const worker = new DistributedRuntime(hub.createPlanes());
  const served = await worker
    .endpoint(address)
    .serve(createDecodeHandler({ engine, loadTokenizer: async () => tokenizer }));
  await worker
    .endpoint("dyn://dynamo.native.clear_kv_blocks")
    .serve(createClearKvBlocksHandler({ engine }));
  await served.registerModel({
    displayName: model,
    sourcePath: modelPath("dyn-tiny-chat"),
    modelTypes: ["chat", "completions"],
    modelInput: "tokens",
    runtimeConfig: { runtimeData: { sglang_generate: true } },
    contextLength: 512,
    kvCacheBlockSize: engine.info.pageSize,
    endpoint: address,
    created: 1_700_000_000,
  });
  const runtime = new DistributedRuntime(hub.createPlanes());
  gateway = createGateway({
    runtime,
    metrics: createMetricsRegistry({ processMetrics: false }),
    settings: { sglangGenerate: true },
    paths: { chat: "/api/chat", models: "/api/models", sglangGenerate: "/native/generate" },
  });
  url = (await gateway.listen({ host: "127.0.0.1", port: 0 })).url;
  await gateway.waitForModel(model, { signal: AbortSignal.timeout(30_000) });
  opened.push(gateway, worker, runtime, engine);
});
afterAll(async () => {
  for (const it of opened) await it.close();
});

async function post(path: string, body?: object) {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

interface Chunk {
  readonly text: string;
  readonly output_ids: number[];
  readonly meta_info: Record<string, unknown> & { finish_reason: Record<string, unknown> | null };
}

async function generate(body: object): Promise<Chunk[]> {
  const { status, text } = await post("/native/generate", { stream: true, ...body });
  if (status !== 200) throw new Error(`${status}: ${text}`);
  const events = text.split("\n\n").filter((event) => event !== "");
  expect(events.at(-1)).toBe("data: [DONE]");
  return events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)) as Chunk);
}

const prompt = [72, 73, 74, 75];
const short = { max_new_tokens: 2, ignore_eos: true };

async function* answerPlainly() {
  yield { token_ids: [5], finish_reason: "stop" as const };
}

describe("/generate", () => {
  it("streams what is new, under the caller's id, with SGLang's fields", async () => {
    const chunks = await generate({
      input_ids: prompt,
      rid: "mine",
      sampling_params: { max_new_tokens: 9, temperature: 0, ignore_eos: true },
    });
    const ids = chunks.flatMap((chunk) => chunk.output_ids);
    expect(ids).toHaveLength(9);
    expect(chunks.map(({ text }) => text).join("")).toBe(
      tokenizer.decode(ids, { skipSpecialTokens: true }),
    );
    expect(chunks.every(({ meta_info }) => meta_info.id === "mine")).toBe(true);
    expect(chunks.slice(0, -1).every(({ meta_info }) => meta_info.finish_reason === null)).toBe(
      true,
    );
    expect(chunks.at(-1)!.meta_info).toMatchObject({
      finish_reason: { type: "length", length: 9 },
      prompt_tokens: 4,
      completion_tokens: 9,
    });
  });

  it("makes 128 tokens where nobody says how many", async () => {
    const chunks = await generate({ input_ids: prompt, sampling_params: { ignore_eos: true } });
    expect(chunks.flatMap((chunk) => chunk.output_ids)).toHaveLength(128);
  });

  it("the same seed gives the same tokens, by choice", async () => {
    const body = {
      input_ids: prompt,
      sampling_params: { max_new_tokens: 6, sampling_seed: 4, n: 2, ignore_eos: true },
    };
    const byChoice = async () => {
      const chunks = (await generate(body)) as (Chunk & { index: number })[];
      return [0, 1].map((index) =>
        chunks.filter((chunk) => chunk.index === index).flatMap((chunk) => chunk.output_ids),
      );
    };
    const first = await byChoice();
    expect(first.map((ids) => ids.length)).toEqual([6, 6]);
    expect(await byChoice()).toEqual(first);
  });

  it("a stop string and a stop id end it as SGLang says it", async () => {
    const sampling = { max_new_tokens: 60, sampling_seed: 1, ignore_eos: false };
    const plain = await generate({ input_ids: prompt, sampling_params: sampling });
    const ids = plain.flatMap((chunk) => chunk.output_ids);
    const text = plain.map((chunk) => chunk.text).join("");
    const stop = [...text].find((letter) => /[a-z]/.test(letter))!;
    const cut = await generate({ input_ids: prompt, sampling_params: { ...sampling, stop } });
    expect(cut.map((chunk) => chunk.text).join("")).toBe(text.slice(0, text.indexOf(stop)));
    expect(cut.at(-1)!.meta_info.finish_reason).toEqual({ type: "stop", matched: stop });
    const byId = await generate({
      input_ids: prompt,
      sampling_params: { ...sampling, stop_token_ids: [ids[3]!] },
    });
    expect(byId.flatMap((chunk) => chunk.output_ids)).toEqual(
      ids.slice(0, ids.indexOf(ids[3]!) + 1),
    );
    expect(byId.at(-1)!.meta_info.finish_reason).toEqual({ type: "stop", matched: ids[3] });
  });

  it("log-probabilities come as triples, the prompt's with the first", async () => {
    const [first] = await generate({
      input_ids: prompt,
      sampling_params: { max_new_tokens: 2, ignore_eos: true },
      return_logprob: true,
      logprob_start_len: 1,
      top_logprobs_num: 2,
      return_text_in_logprobs: true,
    });
    const { meta_info: meta } = first!;
    const triples = meta.input_token_logprobs as [number | null, number, string][];
    expect(triples.map(([, id]) => id)).toEqual(prompt.slice(1));
    expect((meta.output_token_logprobs as unknown[][])[0]).toEqual([
      expect.any(Number),
      first!.output_ids[0],
      expect.any(String),
    ]);
    expect((meta.output_top_logprobs as unknown[][])[0]).toHaveLength(2);
  });

  it.each([
    ["text", { text: "Hello" }, 400, "input_ids"],
    ["a batch", { input_ids: [[1], [2]] }, 400, "input_ids"],
    ["no stream", { input_ids: prompt, stream: false }, 501, "stream"],
    ["another model", { input_ids: prompt, model: "none" }, 404, "model"],
    [
      "an unknown sampling parameter",
      { input_ids: prompt, sampling_params: { heat: 1 } },
      400,
      "sampling_params.heat",
    ],
    [
      "a parameter out of range",
      { input_ids: prompt, sampling_params: { top_p: 3 } },
      400,
      "top_p",
    ],
    [
      "hidden states",
      { input_ids: prompt, return_hidden_states: true },
      400,
      "return_hidden_states",
    ],
    ["an adapter", { input_ids: prompt, lora_path: "x" }, 400, "lora_path"],
    ["a prompt over the context", { input_ids: Array(600).fill(5) }, 400, "input_ids"],
    [
      "too much",
      { input_ids: prompt, sampling_params: { max_new_tokens: 600 } },
      400,
      "sampling_params.max_new_tokens",
    ],
  ])("refuses %s by name", async (_, body, status, param) => {
    const answer = await post("/native/generate", { stream: true, ...body });
    const { error } = JSON.parse(answer.text) as { error: Record<string, unknown> };
    expect([answer.status, error.param]).toEqual([status, param]);
  });

  it("is there by PUT too, as SGLang has it", async () => {
    const response = await fetch(`${url}/native/generate`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ stream: true, input_ids: prompt, sampling_params: short }),
    });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining("[DONE]"),
    ]);
  });

  it("goes to workers whose card says that they take SGLang's form, and to no others", async () => {
    const plain = await startScriptedWorker(hub, "plain", answerPlainly);
    await gateway.waitForModel("plain", { signal: AbortSignal.timeout(30_000) });
    const body = { stream: true, input_ids: prompt, sampling_params: short };
    expect((await post("/native/generate", body)).status).toBe(200);
    const named = await post("/native/generate", { ...body, model: "plain" });
    expect([named.status, named.text]).toEqual([404, expect.stringContaining("of plain")]);
    await plain.close();
  });

  it("asks for a model's name where there are several, and bears one that breaks its word", async () => {
    const other = await startScriptedWorker(hub, "other", answerPlainly, {
      runtimeConfig: { runtimeData: { sglang_generate: true } },
    });
    await gateway.waitForModel("other", { signal: AbortSignal.timeout(30_000) });
    const unnamed = await post("/native/generate", { stream: true, input_ids: prompt });
    expect([unnamed.status, unnamed.text]).toEqual([400, expect.stringContaining("native, other")]);
    const body = { stream: true, input_ids: prompt, model: "other" };
    expect((await post("/native/generate", body)).status).toBe(500);
    await other.close();
  });
});

describe("/clear_kv_blocks", () => {
  it("empties the cache of every worker, and says which refused", async () => {
    await generate({ input_ids: Array.from({ length: 200 }, (_, i) => i + 10) });
    expect(engine.metrics().pagesCached).toBeGreaterThan(0);
    const { status, text } = await post("/clear_kv_blocks");
    expect(status).toBe(200);
    const worker = {
      endpoint: "dyn://dynamo.native.clear_kv_blocks",
      instance_id: expect.stringMatching(/^\d+$/),
    };
    expect(JSON.parse(text)).toEqual({
      cleared_workers: [{ ...worker, status: "success", message: "The KV cache is empty." }],
      failed_workers: [],
    });
    expect(engine.metrics().pagesCached).toBe(0);
    const leave = new AbortController();
    const running = await fetch(`${url}/native/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        stream: true,
        input_ids: prompt,
        sampling_params: { max_new_tokens: 500, ignore_eos: true },
      }),
      signal: leave.signal,
    });
    await running.body!.getReader().read();
    const refused = await post("/clear_kv_blocks");
    leave.abort();
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.text)).toMatchObject({
      cleared_workers: [],
      failed_workers: [{ ...worker, status: "error", message: expect.stringContaining("running") }],
    });
  });

  it("is for administrators", async () => {
    const proxied = await fetch(`${url}/clear_kv_blocks`, {
      method: "POST",
      headers: { "x-forwarded-for": "10.0.0.1" },
    });
    expect(proxied.status).toBe(403);
  });
});

describe("routes at other paths", () => {
  it("stand there, and not where they were", async () => {
    const chat = { model, messages: [{ role: "user", content: "Hi" }], max_tokens: 2 };
    expect((await post("/api/chat", chat)).status).toBe(200);
    expect((await post("/v1/chat/completions", chat)).status).toBe(404);
    const list = await fetch(`${url}/api/models`);
    expect(await list.json()).toMatchObject({ data: [{ id: model }] });
    expect((await fetch(`${url}/api/models/${model}`)).status).toBe(200);
    expect((await fetch(`${url}/api/models/${model}/ready`)).status).toBe(200);
    expect((await fetch(`${url}/v1/models`)).status).toBe(404);
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(["/api/chat", "/api/models", "/api/models/{id}", "/native/generate"]),
    );
    expect(Object.keys(paths)).not.toContain("/v1/chat/completions");
  });

  it.each([
    [{ chat: "api" }, "must be like /api/chat"],
    [{ chat: "/a/" }, "must be like /api/chat"],
    [{ chat: "/health" }, null],
    [{ health: "/live" }, "Two routes would stand at GET /live"],
  ])("%j is judged at the start", (paths, message) => {
    const create = () =>
      createGateway({
        runtime: new DistributedRuntime(createMemHub().createPlanes()),
        metrics: createMetricsRegistry({ processMetrics: false }),
        paths,
      });
    if (message === null) expect(create).not.toThrow();
    else expect(create).toThrow(message);
  });
});

import { createMockEngine } from "@dyn/engine";
import { createDecodeHandler } from "@dyn/handlers";
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { RequestContext } from "@dyn/runtime";
import { afterAll, expect, test } from "vitest";

const engine = createMockEngine({
  vocabSize: 100,
  contextLength: 64,
  pageCount: 32,
  decodeMsPerStep: 0,
});
afterAll(() => engine.close());
const handler = createDecodeHandler({ engine });

const request = (more: Partial<PreprocessedRequest> = {}): PreprocessedRequest => ({
  model: "m",
  token_ids: [1, 2, 3],
  stop_conditions: { max_tokens: 5, ignore_eos: true },
  sampling_options: { temperature: 0 },
  output_options: {},
  eos_token_ids: [],
  annotations: [],
  ...more,
});

async function run(body: unknown, context = new RequestContext()) {
  const items: EngineOutputItem[] = [];
  for await (const { data } of handler(body, context)) if (data) items.push(data);
  return items;
}

test("a request becomes items with its tokens, its end and its usage", async () => {
  const items = await run(request());
  expect(items.flatMap((item) => item.token_ids)).toHaveLength(5);
  expect(items.at(-1)).toMatchObject({
    finish_reason: "length",
    completion_usage: { total_tokens: 8 },
  });
});

test("two requests under one id of their caller do not collide", async () => {
  const both = await Promise.all([
    run(request(), new RequestContext({ id: "same" })),
    run(request(), new RequestContext({ id: "same" })),
  ]);
  for (const items of both) expect(items.flatMap((item) => item.token_ids)).toHaveLength(5);
});

test("the engine's refusals name the field as the request does", async () => {
  const stop_conditions = { max_tokens: 5, min_tokens: 9 };
  await expect(run(request({ stop_conditions }))).rejects.toMatchObject({
    status: 400,
    param: "min_tokens",
  });
  await expect(run({ model: "m" })).rejects.toThrow("token_ids");
});

test("a killed request leaves nothing in the engine", async () => {
  const context = new RequestContext();
  const stop_conditions = { max_tokens: 50, ignore_eos: true };
  for await (const _ of handler(request({ stop_conditions }), context)) context.kill();
  expect(engine.metrics()).toMatchObject({ runningRequests: 0, waitingRequests: 0, pagesUsed: 0 });
});

test("a shutdown ends what runs and what comes later as an error that lets callers go on elsewhere", async () => {
  const shutdown = new AbortController();
  const draining = createDecodeHandler({ engine, shutdown: shutdown.signal });
  const body = request({ stop_conditions: { max_tokens: 50, ignore_eos: true } });
  const read = async () => {
    for await (const { data } of draining(body, new RequestContext())) {
      expect(data?.finish_reason ?? null).toBeNull();
      shutdown.abort();
    }
  };
  await expect(read()).rejects.toMatchObject({ code: "DYN_ENGINE_SHUTDOWN", retryable: true });
  await expect(read()).rejects.toMatchObject({ code: "DYN_ENGINE_SHUTDOWN" });
  expect(engine.metrics()).toMatchObject({ runningRequests: 0, pagesUsed: 0 });
});

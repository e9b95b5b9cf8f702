// What a prefill worker says, and what its engine is asked.
import { readFileSync } from "node:fs";
import { createMockEngine, type Engine, type GenerateRequest } from "@dyn/engine";
import {
  createDecodeHandler,
  createPrefillHandler,
  disaggregatedHealthPayload,
  tokenHealthPayload,
} from "@dyn/handlers";
import {
  type EngineOutputItem,
  fakeBootstrapHost,
  type PreprocessedRequest,
  UnavailableError,
} from "@dyn/protocol";
import { RequestContext } from "@dyn/runtime";
import { afterAll, afterEach, describe, expect, test } from "vitest";

const mock = createMockEngine({ vocabSize: 100, contextLength: 64, pageCount: 32, pageSize: 4 });
afterAll(() => mock.close());
const asked: GenerateRequest[] = [];
afterEach(() => asked.splice(0));

/** The mock, which hands nothing over; `fault`: what a request with a meeting ends in. */
function engineOf(mode: "prefill" | "decode", fault: (() => Error) | null = null): Engine {
  const info = {
    ...mock.info,
    disaggregation: {
      mode,
      bootstrapHost: mode === "prefill" ? "10.0.0.7" : null,
      bootstrapPort: mode === "prefill" ? 8998 : null,
      transports: [],
    },
  };
  return new Proxy(mock, {
    get: (target, name) => {
      if (name === "info") return info;
      if (name !== "generate") return Reflect.get(target, name, target);
      return (request: GenerateRequest, options?: { signal?: AbortSignal }) => {
        asked.push(request);
        if (request.disaggregation != null && fault !== null) {
          return (async function* () {
            yield* [] as never[];
            throw fault();
          })();
        }
        return target.generate({ ...request, disaggregation: null }, options);
      };
    },
  });
}

const request = (more: Partial<PreprocessedRequest> = {}): PreprocessedRequest => ({
  model: "m",
  token_ids: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  stop_conditions: { max_tokens: 5, ignore_eos: true },
  sampling_options: { temperature: 0 },
  output_options: {},
  eos_token_ids: [],
  annotations: [],
  ...more,
});
const info = {
  bootstrap_host: "10.0.0.9",
  bootstrap_port: 12345,
  bootstrap_room: 2n ** 62n + 1n,
};

async function run(
  handler: ReturnType<typeof createPrefillHandler>,
  body: unknown,
  context = new RequestContext(),
) {
  const items: EngineOutputItem[] = [];
  for await (const { data } of handler(body, context)) if (data) items.push(data);
  return items;
}

describe("a prefill worker", () => {
  test("says first where to meet and last what was cached, and streams no token", async () => {
    const handler = createPrefillHandler({ engine: engineOf("prefill") });
    const items = await run(handler, request({ bootstrap_info: info }));
    expect(items).toEqual([
      { token_ids: [], text: null, finish_reason: null, disaggregated_params: info },
      { token_ids: [], engine_data: { kv_cache_hit: { prompt_tokens: 9, reused_tokens: 0 } } },
    ]);
    expect(asked).toMatchObject([
      {
        sampling: { maxNewTokens: 1, minNewTokens: 0 },
        disaggregation: {
          role: "prefill",
          bootstrapHost: "10.0.0.9",
          bootstrapPort: 12345,
          bootstrapRoom: 2n ** 62n + 1n,
        },
      },
    ]);
  });

  test("draws a room at its own server when the request names none", async () => {
    const handler = createPrefillHandler({ engine: engineOf("prefill") });
    const rooms = await Promise.all(
      [0, 1].map(async () => (await run(handler, request()))[0]?.disaggregated_params),
    );
    for (const params of rooms) {
      expect(params).toMatchObject({ bootstrap_host: "10.0.0.7", bootstrap_port: 8998 });
    }
    const [one, other] = asked.map(({ disaggregation }) => disaggregation!.bootstrapRoom);
    expect(one).not.toBe(other);
    for (const room of [one!, other!]) expect(room >= 0n && room < 2n ** 63n).toBe(true);
  });

  test("speaks before the prompt is computed", async () => {
    const slow = createMockEngine({ vocabSize: 100, prefillUsPerToken: 1e6 });
    const engine = new Proxy(engineOf("prefill"), {
      get: (target, name) =>
        name === "generate"
          ? (it: GenerateRequest, options: { signal: AbortSignal }) =>
              slow.generate({ ...it, disaggregation: null }, options)
          : Reflect.get(target, name, target),
    });
    const context = new RequestContext();
    const stream = createPrefillHandler({ engine })(request(), context)[Symbol.asyncIterator]();
    const { value } = await stream.next();
    expect(value?.data?.disaggregated_params).toBeDefined();
    context.kill();
    expect((await stream.next()).done).toBe(true);
    expect(slow.metrics()).toMatchObject({ runningRequests: 0, waitingRequests: 0, pagesUsed: 0 });
    await slow.close();
  });

  test("takes what Dynamo 1.0 sent: a request and its sampling parameters apart", async () => {
    const handler = createPrefillHandler({ engine: engineOf("prefill") });
    const { token_ids } = request();
    const body = {
      request: { token_ids },
      sampling_params: { max_new_tokens: 9, temperature: 0, top_p: 1, top_k: -1 },
    };
    expect(await run(handler, body)).toHaveLength(2);
    expect(asked).toMatchObject([{ sampling: { maxNewTokens: 1, temperature: 0 } }]);
  });

  test("ends what runs at shutdown as an error that lets its caller go on elsewhere", async () => {
    const shutdown = new AbortController();
    shutdown.abort();
    const handler = createPrefillHandler({ engine: mock, shutdown: shutdown.signal });
    await expect(run(handler, request())).rejects.toMatchObject({ code: "DYN_ENGINE_SHUTDOWN" });
  });

  test("refuses when its engine hands nothing over", async () => {
    await expect(run(createPrefillHandler({ engine: mock }), request())).rejects.toThrow(
      "--disaggregation-mode prefill",
    );
  });
});

describe("a decode worker", () => {
  test("takes the request over where it says", async () => {
    const handler = createDecodeHandler({ engine: engineOf("decode") });
    const routing = { prefill_dp_rank: 1 };
    await run(handler, request({ bootstrap_info: info, routing }));
    await run(handler, request({ prefill_result: { disaggregated_params: info } }));
    const meeting = {
      role: "decode",
      bootstrapHost: "10.0.0.9",
      bootstrapPort: 12345,
      bootstrapRoom: 2n ** 62n + 1n,
    };
    expect(asked.map(({ disaggregation }) => disaggregation)).toEqual([
      { ...meeting, prefillDpRank: 1 },
      { ...meeting, prefillDpRank: null },
    ]);
  });

  test.each([
    ["names no meeting", {}],
    ["has the words of another make", { prefill_result: { disaggregated_params: "dummy" } }],
    [
      "comes from a router that passes the prefill workers by",
      { annotations: ["x-bypass-remote-prefill"] },
    ],
  ])("prefills by itself what %s", async (_name, more) => {
    const items = await run(createDecodeHandler({ engine: engineOf("decode") }), request(more));
    expect(items.flatMap(({ token_ids }) => token_ids)).toHaveLength(5);
    expect(asked).toMatchObject([{ disaggregation: null }]);
  });

  test("prefills by itself what a lost prefill worker does not bring, and says so", async () => {
    const lost = () => new UnavailableError("gone", { code: "DYN_DISAGG_TRANSFER_FAILED" });
    const causes: string[] = [];
    const handler = createDecodeHandler({
      engine: engineOf("decode", lost),
      onPrefillHere: ({ code }) => causes.push(code),
    });
    const items = await run(handler, request({ bootstrap_info: info }));
    const whole = await run(createDecodeHandler({ engine: mock }), request());
    expect(items.flatMap(({ token_ids }) => token_ids)).toEqual(
      whole.flatMap(({ token_ids }) => token_ids),
    );
    expect(causes).toEqual(["DYN_DISAGG_TRANSFER_FAILED"]);
  });

  test("of an aggregated engine passes the meeting over", async () => {
    const items = await run(
      createDecodeHandler({ engine: mock }),
      request({ bootstrap_info: info }),
    );
    expect(items.flatMap(({ token_ids }) => token_ids)).toHaveLength(5);
  });
});

describe("health payloads", () => {
  const recorded = JSON.parse(
    readFileSync(new URL("./fixtures/health-payloads.json", import.meta.url), "utf8"),
  ) as Record<string, unknown>;
  const prefill = disaggregatedHealthPayload({ bosTokenId: null, bootstrapPort: null });

  test("are those of Dynamo 1.6.1", () => {
    expect(tokenHealthPayload({ bosTokenId: null })).toEqual(recorded.SglangHealthCheckPayload);
    expect(prefill).toEqual(recorded.SglangPrefillHealthCheckPayload);
    expect(prefill).toEqual(recorded.SglangDisaggHealthCheckPayload);
  });

  test("name the model's first token and the worker's port", () => {
    expect(disaggregatedHealthPayload({ bosTokenId: 7, bootstrapPort: 8998 })).toMatchObject({
      token_ids: [7],
      bootstrap_info: {
        bootstrap_host: fakeBootstrapHost,
        bootstrap_port: 8998,
        bootstrap_room: 0,
      },
    });
  });

  test("bring a real token out of both kinds of worker", async () => {
    for (const handler of [
      createPrefillHandler({ engine: engineOf("prefill") }),
      createDecodeHandler({ engine: engineOf("decode") }),
    ]) {
      const items = await run(handler, prefill);
      expect(items.flatMap(({ token_ids }) => token_ids)).toHaveLength(1);
      expect(asked.at(-1)).toMatchObject({ disaggregation: null });
    }
  });
});

// Two pools answer as one worker would: in both flows, with several choices, and when workers fail or callers leave.
import { createMockEngine } from "@dyn/engine";
import { createDecodeHandler } from "@dyn/handlers";
import {
  type HandOverTerms,
  InvalidArgumentError,
  type KvTerms,
  type PreprocessedRequest,
  UnavailableError,
} from "@dyn/protocol";
import {
  createMigratingClient,
  defaultConditionalSettings,
  type PrefillDecision,
} from "@dyn/router";
import { RequestContext } from "@dyn/runtime";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { drawRoom } from "../src/prefill/draw-room.ts";
import { skipsPrefillPool } from "../src/prefill/skips-prefill-pool.ts";
import { joinAnswer } from "./broken-deployment.ts";
import {
  type SplitDeployment,
  type SplitOptions,
  splitRequest,
  startSplitDeployment,
} from "./split-deployment.ts";

let deployment: SplitDeployment;
afterEach(() => deployment?.close());
const start = async (options: SplitOptions = {}) => {
  deployment = await startSplitDeployment(options);
  return deployment;
};
const lost = () => new UnavailableError("The stream broke.", { code: "DYN_RUNTIME_DISCONNECTED" });

/** What one worker that does everything says. */
async function aggregated(request: PreprocessedRequest) {
  const engine = createMockEngine({ vocabSize: 1000, pageSize: 4 });
  const handler = createDecodeHandler({ engine });
  const answer = await joinAnswer(
    (async function* () {
      for await (const { data } of handler(request, new RequestContext())) if (data) yield { data };
    })(),
  );
  await engine.close();
  return answer.choices.map(({ tokenIds, finishes }) => ({ tokenIds, finishes }));
}

async function ask(request: PreprocessedRequest, options = {}) {
  const { choices } = await joinAnswer(deployment.client.generate(request, options));
  return choices.map(({ tokenIds, finishes }) => ({ tokenIds, finishes }));
}

async function untilIdle() {
  await expect
    .poll(() => [
      deployment.place.openRooms,
      ...deployment.engines.map((engine) => {
        const { runningRequests, waitingRequests, pagesUsed } = engine.metrics();
        return runningRequests + waitingRequests + pagesUsed;
      }),
    ])
    .toEqual([0, ...deployment.engines.map(() => 0)]);
}

describe("the concurrent flow", () => {
  test("sends both workers one room, and the answer is that of one worker", async () => {
    await start();
    expect(await ask(splitRequest(), { requestId: "r" })).toEqual(await aggregated(splitRequest()));
    const [prefill, decode] = deployment.sent;
    expect([prefill?.role, decode?.role]).toEqual(["prefill", "decode"]);
    expect([prefill?.requestId, decode?.requestId]).toEqual(["r", "r"]);
    expect(prefill?.request).toMatchObject({
      stop_conditions: { max_tokens: 1 },
      routing: { prefill_worker_id: 101n },
      router_config_override: null,
    });
    // As recorded of Dynamo 1.6.1.
    expect(decode?.request).toMatchObject({
      stop_conditions: { max_tokens: 6 },
      routing: { prefill_worker_id: 101n },
      router_config_override: {
        overlap_score_credit: 0,
        prefill_load_scale: null,
        router_temperature: null,
        assume_kv_reuse: false,
        track_prefill_tokens: false,
        shared_cache_multiplier: null,
      },
    });
    const { bootstrap_info: info } = decode!.request;
    expect(info).toMatchObject({ bootstrap_host: "127.0.0.1", bootstrap_port: 9_000 });
    expect(prefill?.request.bootstrap_info).toEqual(info);
    expect(deployment.place.asked.map(({ role }) => role).toSorted()).toEqual([
      "decode",
      "prefill",
    ]);
  });

  test("does not wait for the prefill before it asks the decode worker", async () => {
    await start();
    let go = () => {};
    deployment.place.hold = new Promise((resolve) => {
      go = resolve;
    });
    const answer = ask(splitRequest());
    await expect.poll(() => deployment.sent.length).toBe(2);
    go();
    expect(await answer).toEqual(await aggregated(splitRequest()));
  });

  test("tells of the prompt's cached tokens what the prefill worker says", async () => {
    await start();
    await ask(splitRequest());
    const items = [];
    for await (const { data } of deployment.client.generate(splitRequest())) {
      if (data?.completion_usage) items.push(data.completion_usage);
    }
    expect(items.at(-1)).toMatchObject({
      prompt_tokens: 21,
      prompt_tokens_details: { cached_tokens: 20 },
    });
  });
});

describe("the prefill-first flow", () => {
  test("begins when a card does not say where to meet: the worker says so", async () => {
    await start({ isSilent: true });
    const decisions: PrefillDecision[] = [];
    const answer = await ask(splitRequest(), {
      onPrefill: (decision: PrefillDecision) => decisions.push(decision),
    });
    expect(answer).toEqual(await aggregated(splitRequest()));
    expect(deployment.sent[0]?.request.bootstrap_info).toBeUndefined();
    expect(deployment.sent[1]?.request.bootstrap_info).toMatchObject({ bootstrap_port: 9_000 });
    expect(decisions).toMatchObject([{ flow: "prefill-first", reason: "pool", workerId: 101n }]);
  });

  test("passes on what a worker of another make says", async () => {
    const params = { x: 1, rid: "abc" };
    const details = { cached_tokens: 3 };
    const usage = {
      prompt_tokens: 14,
      completion_tokens: 1,
      total_tokens: 15,
      prompt_tokens_details: details,
    };
    await start({
      isSilent: true,
      prefillsItself: false,
      prefillHandler: async function* () {
        yield {
          data: { token_ids: [300], disaggregated_params: params, completion_usage: usage },
        };
        yield { data: { token_ids: [], finish_reason: "stop" } };
      },
    });
    await ask(splitRequest());
    expect(deployment.sent[1]?.request).toMatchObject({
      prefill_result: { disaggregated_params: params, prompt_tokens_details: details },
    });
    expect(deployment.sent[1]?.request.bootstrap_info).toBeUndefined();
  });
});

describe("a prompt that a prefill worker has for too long", () => {
  const hanging = (isSilent: boolean, asked: bigint[]) => ({
    prefillCount: 2,
    prefillTimeoutMs: 100,
    isSilent,
    prefillHandler: async function* (request: unknown, { signal }: RequestContext) {
      const { bootstrap_info, routing } = request as PreprocessedRequest;
      asked.push(BigInt(routing!.prefill_worker_id!));
      if (!isSilent) yield { data: { token_ids: [], disaggregated_params: bootstrap_info } };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  });

  test.each([
    ["concurrent", false],
    ["prefill-first", true],
  ])("goes to each other one, then stays with the decode worker; %s", async (_, isSilent) => {
    const asked: bigint[] = [];
    await start(hanging(isSilent, asked));
    expect(await ask(splitRequest())).toEqual(await aggregated(splitRequest()));
    expect(asked.toSorted()).toEqual([101n, 102n]);
    expect(deployment.failures.map(({ cause }) => cause)).toMatchObject([
      { code: "DYN_ROUTER_PREFILL_TIMEOUT", status: 504 },
      { code: "DYN_ROUTER_PREFILL_TIMEOUT" },
    ]);
  });

  test("is not one that was computed in time, however long its answer takes", async () => {
    await start({ prefillTimeoutMs: 2_000 });
    expect(await ask(splitRequest())).toEqual(await aggregated(splitRequest()));
    expect(deployment.failures).toEqual([]);
  });
});

const terms = (elementType: string, more: Partial<HandOverTerms> = {}): HandOverTerms => ({
  protocolVersion: 1,
  transports: ["shm", "tcp"],
  kv: {
    format: "pool-head-token-dim",
    elementType,
    layerCount: 4,
    kvHeadCount: 2,
    headDim: 16,
    tensorParallelSize: 1,
    bytesPerToken: elementType === "float32" ? 1024 : 512,
    pageSize: 16,
  },
  ...more,
});

describe("pairs whose cards do not agree", () => {
  const rolesOf = () => new Set(deployment.sent.map(({ role }) => role));

  test("are never made: the decode worker prefills, and it is told once", async () => {
    await start({ terms: (role) => terms(role === "prefill" ? "float16" : "float32") });
    const decisions: PrefillDecision[] = [];
    const onPrefill = (decision: PrefillDecision) => decisions.push(decision);
    for (let i = 0; i < 2; i++) {
      expect(await ask(splitRequest(), { onPrefill })).toEqual(await aggregated(splitRequest()));
    }
    expect(rolesOf()).toEqual(new Set(["decode"]));
    expect(decisions).toMatchObject([
      { flow: "local", reason: "mismatched", workerId: null },
      { flow: "local", reason: "mismatched" },
    ]);
    expect(deployment.mismatches).toEqual([
      {
        prefillId: 101n,
        decodeId: 201n,
        differences: [
          "the type of KV elements is float16 in prefill and float32 in decode",
          "bytes of KV per token is 512 in prefill and 1024 in decode",
        ],
      },
    ]);
    expect(deployment.failures).toEqual([]);
  });

  const kv = (more: Partial<KvTerms>) => ({ kv: { ...terms("float32").kv!, ...more } });
  test.each([
    ["by the transport", { transports: ["tcp"] }, "mismatched"],
    ["by the protocol", { protocolVersion: 2, kv: null }, "mismatched"],
    ["by a degree", kv({ tensorParallelSize: 2 }), "mismatched"],
    ["by layers", kv({ layerCount: 5 }), "mismatched"],
    ["by pages, which are converted", kv({ pageSize: 4 }), "pool"],
    ["by what one does not say", { kv: null, transports: [] }, "pool"],
  ])("differ %s", async (_name, other, reason) => {
    const own = { transports: ["shm"] };
    const ofRole = { prefill: { ...own, ...other }, decode: own };
    await start({ terms: (role) => terms("float32", ofRole[role]) });
    const decisions: PrefillDecision[] = [];
    await ask(splitRequest(), { onPrefill: (it: PrefillDecision) => decisions.push(it) });
    expect(decisions).toMatchObject([{ reason }]);
  });

  test.each(["kv", "round-robin"] as const)(
    "leave those that agree: each prompt goes over within its own, in mode %s",
    async (mode) => {
      const types = ["float32", "float16"];
      await start({ prefillCount: 2, decodeCount: 2, mode, terms: (_, i) => terms(types[i]!) });
      for (let i = 0; i < 8; i++) {
        const request = splitRequest({ token_ids: [i + 1, ...splitRequest().token_ids] });
        const before = deployment.sent.length;
        expect(await ask(request)).toEqual(await aggregated(request));
        const [prefill, decode] = deployment.sent.slice(before);
        expect([prefill?.role, decode?.role]).toEqual(["prefill", "decode"]);
        expect(decode!.workerId - prefill!.workerId).toBe(100n);
      }
      expect(deployment.mismatches).toHaveLength(2);
      expect(deployment.failures).toEqual([]);
    },
  );

  test("are not made for a request that names one", async () => {
    await start({
      prefillCount: 2,
      terms: (role, i) => terms(role === "prefill" && i === 0 ? "float16" : "float32"),
    });
    const routing = { prefill_worker_id: 101n };
    expect(await ask(splitRequest({ routing }))).toEqual(await aggregated(splitRequest()));
    expect(rolesOf()).toEqual(new Set(["decode"]));
  });
});

describe("the time that KV was on its way at most", () => {
  test("is told once of each prompt that was prefilled elsewhere", async () => {
    await start();
    const own: number[] = [];
    const onHandedOver = (seconds: number) => own.push(seconds);
    for (let i = 0; i < 3; i++) await ask(splitRequest(), { onHandedOver });
    expect(deployment.handOvers).toHaveLength(3);
    expect(own).toEqual(deployment.handOvers);
    for (const seconds of own) expect(seconds).toBeGreaterThanOrEqual(0);
    deployment.removePool();
    await ask(splitRequest(), { onHandedOver });
    expect(deployment.handOvers).toHaveLength(3);
  });

  const handedOver = {
    token_ids: [],
    engine_data: { kv_cache_hit: { prompt_tokens: 21, reused_tokens: 0 } },
  };

  test("is none where the first token came before the prefill's last word", async () => {
    let end = () => {};
    const isOver = new Promise<void>((resolve) => {
      end = resolve;
    });
    await start({
      prefillHandler: async function* (request) {
        const { bootstrap_info } = request as PreprocessedRequest;
        yield { data: { token_ids: [], disaggregated_params: bootstrap_info } };
        await isOver;
        yield { data: handedOver };
      },
      decodeHandler: async function* () {
        yield { data: { token_ids: [7] } };
        end();
        yield { data: { token_ids: [8], finish_reason: "length" } };
      },
    });
    await ask(splitRequest());
    await expect.poll(() => deployment.handOvers).toEqual([0]);
  });

  test("counts from that word where it comes first", async () => {
    let go = () => {};
    const isTold = new Promise<void>((resolve) => {
      go = resolve;
    });
    await start({
      prefillHandler: async function* (request) {
        const { bootstrap_info } = request as PreprocessedRequest;
        yield { data: { token_ids: [], disaggregated_params: bootstrap_info } };
        yield { data: handedOver };
        go();
      },
      decodeHandler: async function* () {
        await isTold;
        // Behind what the caller is told of the prefill, on the same clock.
        await new Promise((resolve) => setTimeout(resolve, 20));
        yield { data: { token_ids: [7], finish_reason: "length" } };
      },
    });
    await ask(splitRequest());
    expect(deployment.handOvers).toHaveLength(1);
    expect(deployment.handOvers[0]).toBeGreaterThan(0);
  });
});

describe("several choices", () => {
  test.each([
    { temperature: 1, seed: 7, n: 3 },
    { temperature: 0, n: 2 },
  ])("have a room each, and are those of one request: %j", async (sampling_options) => {
    await start({ prefillCount: 2, decodeCount: 2 });
    const request = splitRequest({ sampling_options });
    expect(await ask(request)).toEqual(await aggregated(request));
    const decodes = deployment.sent.filter(({ role }) => role === "decode");
    const rooms = decodes.map(({ request: it }) => it.bootstrap_info?.bootstrap_room);
    expect(new Set(rooms).size).toBe(sampling_options.n);
    expect(new Set(decodes.map(({ workerId }) => workerId)).size).toBe(1);
    const prefills = deployment.sent.filter(({ role }) => role === "prefill");
    expect(new Set(prefills.map(({ workerId }) => workerId)).size).toBe(1);
    await untilIdle();
  });

  test("fail together: the others are not waited for", async () => {
    // The first says a token and is lost; the second says nothing until it is ended.
    let asked = 0;
    await start({
      decodeHandler: async function* (_, context) {
        const isFirst = asked++ === 0;
        if (isFirst) yield { data: { token_ids: [5], finish_reason: null } };
        while (isFirst ? asked < 2 : !context.isStopped) {
          await new Promise((next) => setImmediate(next));
        }
        throw lost();
      },
    });
    const answer = ask(splitRequest({ sampling_options: { temperature: 0, n: 2 } }));
    await expect(answer).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
    await untilIdle();
  });
});

describe("prompts are prefilled by the decode worker", () => {
  test("without a prefill worker", async () => {
    await start({ prefillCount: 0 });
    expect(await ask(splitRequest())).toEqual(await aggregated(splitRequest()));
    expect(deployment.sent.map(({ role }) => role)).toEqual(["decode"]);
    expect(deployment.client.decisions.list()).toMatchObject([
      { flow: "local", reason: "no-prefill-worker" },
    ]);
  });

  test("when every prefill worker fails, and no sooner", async () => {
    await start({ prefillCount: 2 });
    deployment.faults.set(101n, lost);
    deployment.faults.set(102n, lost);
    expect(await ask(splitRequest())).toEqual(await aggregated(splitRequest()));
    expect(deployment.failures.map(({ workerId }) => workerId).toSorted()).toEqual([101n, 102n]);
    expect(deployment.client.decisions.list()[0]).toMatchObject({
      flow: "local",
      reason: "prefill-failed",
    });
    await untilIdle();
  });

  test("while the only prefill worker is in the pause after a failure, and no longer", async () => {
    let nowMs = 0;
    await start({ now: () => nowMs });
    const prefillCount = () => deployment.sent.filter(({ role }) => role === "prefill").length;
    deployment.faults.set(101n, lost);
    for (let i = 0; i < 3; i++) {
      expect(await ask(splitRequest())).toEqual(await aggregated(splitRequest()));
      expect(prefillCount()).toBe(1);
    }
    expect(deployment.client.decisions.list()[0]).toMatchObject({ reason: "prefill-failed" });
    deployment.faults.clear();
    nowMs += 1_000;
    for (const count of [2, 3]) {
      await ask(splitRequest());
      expect(prefillCount()).toBe(count);
    }
    await untilIdle();
  });
});

test("a lost prefill worker costs its prompt another one", async () => {
  await start({ prefillCount: 2, decodeCount: 2 });
  deployment.faults.set(101n, lost);
  for (let i = 0; i < 4; i++) {
    expect(await ask(splitRequest())).toEqual(await aggregated(splitRequest()));
  }
  expect(deployment.failures.length).toBeGreaterThan(0);
  const [decision] = deployment.client.decisions.list();
  expect(decision).toMatchObject({ flow: "concurrent", reason: "pool", workerId: 102n });
  await untilIdle();
});

test("decode workers that cannot prefill: the failure is the prefill worker's", async () => {
  await start({ prefillsItself: false });
  deployment.faults.set(101n, lost);
  await expect(ask(splitRequest())).rejects.toMatchObject({ code: "DYN_RUNTIME_DISCONNECTED" });
  deployment.removePool();
  await expect(ask(splitRequest())).rejects.toMatchObject({ code: "DYN_ROUTER_NO_PREFILL_WORKER" });
});

test("what the request did wrong is not tried again", async () => {
  await start({ prefillCount: 2 });
  const refused = () => new InvalidArgumentError("no such thing", { param: "x" });
  deployment.faults.set(101n, refused);
  deployment.faults.set(102n, refused);
  await expect(ask(splitRequest())).rejects.toMatchObject({ status: 400, param: "x" });
  expect(deployment.sent.filter(({ role }) => role === "prefill")).toHaveLength(1);
});

test("a prefill worker that the request names and nobody knows is the request's fault", async () => {
  await start();
  const routing = { prefill_worker_id: 999n };
  await expect(ask(splitRequest({ routing }))).rejects.toMatchObject({
    status: 400,
    param: "nvext.prefill_worker_id",
  });
});

describe("a prefill that nobody comes to meet ends", () => {
  const long = splitRequest({ stop_conditions: { max_tokens: 2_000, ignore_eos: true } });

  test("once the decode worker answers without it, while the answer goes on", async () => {
    const engine = createMockEngine({ vocabSize: 1000, pageSize: 4, decodeMsPerStep: 20 });
    const alone = createDecodeHandler({ engine });
    await start({ decodeHandler: alone });
    const leave = new AbortController();
    let count = 0;
    const reading = (async () => {
      for await (const _ of deployment.client.generate(long, { signal: leave.signal })) count += 1;
    })();
    await expect.poll(() => deployment.place.asked.length).toBe(1);
    await expect.poll(() => count).toBeGreaterThan(0);
    await expect.poll(() => deployment.place.openRooms).toBe(0);
    expect(engine.metrics().runningRequests).toBe(1);
    leave.abort();
    await reading.catch(() => {});
    await engine.close();
  });

  test("at once when the decode worker refuses the request", async () => {
    await start({
      decodeHandler: () => {
        throw new InvalidArgumentError("too long for this one", { param: "messages" });
      },
    });
    await expect(ask(long)).rejects.toMatchObject({ status: 400, param: "messages" });
    await untilIdle();
  });
});

describe("a caller that leaves frees both workers", () => {
  const long = splitRequest({ stop_conditions: { max_tokens: 2_000, ignore_eos: true } });

  test.each([
    ["while the prompt is prefilled", { engine: { prefillUsPerToken: 50_000 } }, 0],
    ["in the middle of the answer", { engine: { decodeMsPerStep: 2 } }, 3],
  ])("%s", async (_name, options, itemCount) => {
    await start(options);
    const leave = new AbortController();
    const read = async () => {
      let count = 0;
      for await (const _ of deployment.client.generate(long, { signal: leave.signal })) {
        count += 1;
        if (count === itemCount) leave.abort();
      }
    };
    const reading = read();
    if (itemCount === 0) {
      await expect.poll(() => deployment.place.asked.length).toBe(2);
      leave.abort();
    }
    await reading.catch(() => {});
    await untilIdle();
  });

  test("while the decode worker waits for the prompt", async () => {
    await start();
    deployment.place.hold = new Promise(() => {});
    const leave = new AbortController();
    const reading = ask(long, { signal: leave.signal });
    await expect.poll(() => deployment.place.asked.length).toBe(2);
    leave.abort();
    await reading.catch(() => {});
    await untilIdle();
  });

  test("before anything is sent", async () => {
    await start();
    await expect(ask(long, { signal: AbortSignal.abort() })).rejects.toThrow();
    await untilIdle();
  });
});

test("a decode worker that dies in the middle costs the answer nothing", async () => {
  let cuts = 1;
  const engine = createMockEngine({ vocabSize: 1000, pageSize: 4 });
  const whole = createDecodeHandler({ engine });
  await start({
    decodeCount: 2,
    decodeHandler: async function* (body, context) {
      let count = 0;
      for await (const item of whole(body, context)) {
        yield item;
        count += 1;
        if (count === 3 && cuts-- > 0) throw lost();
      }
    },
  });
  const migrating = createMigratingClient(deployment.client, { limit: 2 });
  const { choices } = await joinAnswer(migrating.generate(splitRequest()));
  expect(choices.map(({ tokenIds, finishes }) => ({ tokenIds, finishes }))).toEqual(
    await aggregated(splitRequest()),
  );
  expect(deployment.client.decisions.list()[0]).toMatchObject({ flow: "local", reason: "resumed" });
  await engine.close();
});

describe("rooms", () => {
  test("lie below 2^63 and lead to the rank", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.integer({ min: 1, max: 64 }),
        fc.nat(),
        (draw, dpSize, pick) => {
          const rank = pick % dpSize;
          const room = drawRoom(rank, dpSize, () => draw);
          expect(room >= 0n && room < 2n ** 63n).toBe(true);
          if (dpSize > 1) expect(Number(room % BigInt(dpSize))).toBe(rank);
        },
      ),
    );
  });
});

describe("the conditional policy", () => {
  const busy = { isPrefillBusy: true, isDecodeBusy: false };
  const idle = { isPrefillBusy: false, isDecodeBusy: false };
  test.each([
    ["isl_bounding", { tokenCount: 1000, uncachedTokens: 104, ...idle }, "short"],
    ["isl_bounding", { tokenCount: 200, uncachedTokens: 200, ...idle }, null],
    ["isl_bounding", { tokenCount: 2900, uncachedTokens: 2048, ...idle }, null],
    ["isl_bounding", { tokenCount: 100_000, uncachedTokens: 36_000, ...busy }, null],
    ["prefill_load", { tokenCount: 1000, uncachedTokens: 104, ...idle }, null],
    ["prefill_load", { tokenCount: 9000, uncachedTokens: 9000, ...busy }, "prefill-busy"],
    ["isl_or_load", { tokenCount: 9000, uncachedTokens: 9000, ...busy }, "prefill-busy"],
    ["isl_or_load", { tokenCount: 1000, uncachedTokens: 104, ...busy }, "short"],
    ["isl_or_load", { tokenCount: 1000, uncachedTokens: 104, ...busy, isDecodeBusy: true }, null],
  ] as const)("%s: %j is %s", (policy, input, expected) => {
    expect(skipsPrefillPool({ ...defaultConditionalSettings, policy }, input)).toBe(expected);
  });

  test("sends a prompt that the decode worker has mostly cached to it alone, and says why", async () => {
    await start({ mode: "kv", conditional: defaultConditionalSettings });
    const decisions: (PrefillDecision | null)[] = [];
    const note = {
      onDecision: (record: { prefill: PrefillDecision | null }) => decisions.push(record.prefill),
    };
    await ask(splitRequest(), note);
    const longer = [...splitRequest().token_ids, 500, 501, 502];
    await ask(splitRequest({ token_ids: longer }), note);
    expect(decisions).toMatchObject([
      { flow: "concurrent", reason: "pool", uncachedTokens: 21, workerId: 101n, dpRank: 0 },
      { flow: "local", reason: "short", uncachedTokens: 4, workerId: null },
    ]);
    await expect
      .poll(() => deployment.routers.map(({ active }) => active.requestCount))
      .toEqual([0, 0]);
  });
});

test("a request that only asks where it would go is told both workers, and asks nobody", async () => {
  await start({ mode: "kv" });
  const annotations = ["query_instance_id:"];
  const decisions: PrefillDecision[] = [];
  const onPrefill = (decision: PrefillDecision) => decisions.push(decision);
  const stream = deployment.client.generate(splitRequest({ annotations }), { onPrefill });
  for await (const { data } of stream) expect(data?.token_ids).toEqual([]);
  expect(decisions).toMatchObject([{ workerId: 101n, dpRank: 0 }]);
  expect(deployment.sent).toEqual([]);
});

test("a KV router sends a prompt to the prefill worker that has it, and to the rank's room", async () => {
  await start({ mode: "kv", prefillCount: 2, dpSize: 2 });
  for (let i = 0; i < 3; i++) await ask(splitRequest());
  const prefills = deployment.sent.filter(({ role }) => role === "prefill");
  expect(new Set(prefills.map(({ workerId }) => workerId)).size).toBe(1);
  for (const { request } of deployment.sent) {
    const rank = request.routing?.prefill_dp_rank ?? request.routing?.dp_rank;
    const room = BigInt(request.bootstrap_info!.bootstrap_room);
    if (request.routing?.prefill_dp_rank != null) expect(Number(room % 2n)).toBe(rank);
  }
  const decode = deployment.sent.find(({ role }) => role === "decode");
  expect(decode?.request.routing?.prefill_dp_rank).toEqual(prefills[0]?.request.routing?.dp_rank);
});

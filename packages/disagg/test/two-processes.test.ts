// The bundled model, prefilled in one process and decoded in another, against one engine that does both: token for token.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { GenerateRequest, RequestGrammar } from "@dyn/engine";
import type { OnnxEngineOptions } from "@dyn/engine-onnx";
import { loadModelConfig } from "@dyn/model-files";
import { expect, it } from "vitest";
import type { Collected } from "./pair/collect.ts";
import { EngineProcess } from "./pair/engine-process.ts";
import { drawRoom, makeRequest } from "./pair/make-request.ts";

const tinyModels = join(import.meta.dirname, "../../tiny-models");
const modelDirectory = join(tinyModels, "models/dyn-tiny-chat");
const { cases } = JSON.parse(
  readFileSync(join(tinyModels, "test/fixtures/eval-prompts.json"), "utf8"),
) as { readonly cases: readonly { readonly prompt_ids: readonly number[] }[] };

const grammar: RequestGrammar = {
  spec: {
    kind: "json",
    schema: { type: "object", properties: { answer: { type: "integer" } }, required: ["answer"] },
    whitespacePattern: null,
  },
  startsAfter: null,
};

function makeRequests(eosTokenIds: readonly number[]): GenerateRequest[] {
  const kinds: ((tokenIds: readonly number[], i: number) => GenerateRequest)[] = [
    (tokenIds) => makeRequest({ tokenIds, eosTokenIds, sampling: { maxNewTokens: 16 } }),
    (tokenIds, i) =>
      makeRequest({
        tokenIds,
        eosTokenIds,
        sampling: { temperature: 0.9, topP: 0.9, seed: i, maxNewTokens: 16 },
        logprobs: { top: 1 },
      }),
    (tokenIds, i) =>
      makeRequest({
        tokenIds,
        eosTokenIds,
        n: 2,
        sampling: { temperature: 1, seed: i, maxNewTokens: 12, frequencyPenalty: 0.3 },
      }),
    (tokenIds) => makeRequest({ tokenIds, eosTokenIds, grammar, sampling: { maxNewTokens: 16 } }),
  ];
  return cases
    .filter((_, i) => i % 12 === 0)
    .map(({ prompt_ids }, i) => kinds[i % kinds.length]!(prompt_ids, i));
}

const comparable = (choices: Collected[]) =>
  choices.map(({ tokenIds, finish }) => ({ tokenIds, finish }));

it.each([
  ["shm", 16, 16],
  ["tcp", 16, 16],
  ["shm", 8, 32],
] as const)("over %s, pages of %i and %i tokens", async (transport, prefillPage, decodePage) => {
  const { eosTokenIds } = await loadModelConfig(modelDirectory);
  const requests = makeRequests(eosTokenIds);
  const options = { modelDirectory, threadCount: 1, maxTotalTokens: 16384 };
  const disaggregation = { transport, connectTimeoutMs: 60_000 };
  const started = await Promise.all([
    EngineProcess.start({ engine: options, disaggregation: null }),
    EngineProcess.start({
      engine: { ...options, pageSize: prefillPage },
      disaggregation: { ...disaggregation, mode: "prefill" },
    }),
    EngineProcess.start({
      engine: { ...options, pageSize: decodePage },
      disaggregation: { ...disaggregation, mode: "decode" },
    }),
  ]);
  await using alone = started[0];
  await using prefill = started[1];
  await using decode = started[2];
  const pair = async (request: GenerateRequest) => {
    const half = (role: "prefill" | "decode") => ({
      ...request,
      disaggregation: {
        role,
        bootstrapHost: "127.0.0.1",
        bootstrapPort: prefill.bootstrapPort,
        bootstrapRoom: room,
      },
    });
    const room = drawRoom();
    const [, answer] = await Promise.all([
      prefill.generate(half("prefill")),
      decode.generate(half("decode")),
    ]);
    return answer;
  };
  const [expected, actual] = await Promise.all([
    Promise.all(requests.map((request) => alone.generate(request))),
    Promise.all(requests.map(pair)),
  ]);
  for (const [i, answer] of actual.entries()) {
    expect(comparable(answer)).toEqual(comparable(expected[i]!));
    for (const [index, { logprobs }] of answer.entries()) {
      for (const [at, logprob] of logprobs.entries()) {
        expect(logprob).toBeCloseTo(expected[i]![index]!.logprobs[at]!, 3);
      }
    }
  }
  for (const engine of [prefill, decode]) {
    // The last acknowledgement may be on its way still.
    await expect
      .poll(async () => (await engine.metrics()).handOver)
      .toMatchObject({ leasesOpen: 0 });
    const { pagesUsed, handOver } = await engine.metrics();
    expect(pagesUsed).toBe(0);
    expect(handOver).toMatchObject({ leasesOpen: 0, leasesAcknowledged: requests.length });
  }
});

it("engines that keep KV in different types refuse each other by name, and the same types work", async () => {
  const options = { modelDirectory, threadCount: 1, maxTotalTokens: 16384 };
  const start = (mode: "prefill" | "decode", engine: Partial<OnnxEngineOptions>) =>
    EngineProcess.start({
      engine: { ...options, ...engine },
      disaggregation: { mode, connectTimeoutMs: 60_000 },
    });
  await using prefill = await start("prefill", { kvCacheDtype: "float16" });
  await using whole = await start("decode", { kvCacheDtype: "float32" });
  await using half = await start("decode", { kvCacheDtype: "float16" });
  const { prompt_ids: tokenIds } = cases[0]!;
  const request = makeRequest({ tokenIds, sampling: { maxNewTokens: 8, ignoreEos: true } });
  const halfOf = (role: "prefill" | "decode", bootstrapRoom: bigint) => ({
    ...request,
    disaggregation: {
      role,
      bootstrapHost: "127.0.0.1",
      bootstrapPort: prefill.bootstrapPort,
      bootstrapRoom,
    },
  });
  const [refused] = await whole.generate(halfOf("decode", drawRoom()));
  expect(refused!.finish).toMatchObject({ type: "error" });
  expect(JSON.stringify(refused!.finish)).toContain(
    "the type of KV elements is float16 in prefill and float32 in decode",
  );
  const room = drawRoom();
  const [, [answer]] = await Promise.all([
    prefill.generate(halfOf("prefill", room)),
    half.generate(halfOf("decode", room)),
  ]);
  const [alone] = await half.generate({ ...request, requestId: "alone" });
  expect(answer!.tokenIds).toEqual(alone!.tokenIds);
});

it("a killed prefill process fails its hand-overs by name, and decode computes the prompt itself", async () => {
  const options = { modelDirectory, threadCount: 1, maxTotalTokens: 16384 };
  const prefill = await EngineProcess.start({
    engine: options,
    disaggregation: { mode: "prefill", connectTimeoutMs: 60_000 },
  });
  await using decode = await EngineProcess.start({
    engine: options,
    disaggregation: { mode: "decode", connectTimeoutMs: 60_000 },
  });
  const { prompt_ids: tokenIds } = cases[0]!;
  const request = makeRequest({ tokenIds, sampling: { maxNewTokens: 8, ignoreEos: true } });
  const { bootstrapPort } = prefill;
  const half = {
    role: "decode",
    bootstrapHost: "127.0.0.1",
    bootstrapPort,
    bootstrapRoom: drawRoom(),
  } as const;
  // Its other half never comes: it waits at the prefill engine.
  const waiting = decode.generate({ ...request, disaggregation: half });
  while ((await decode.metrics()).handOver!.receiving === 0);
  prefill.kill();
  const [failed] = await waiting;
  expect(failed!.finish).toMatchObject({ type: "error", error: { retryable: true } });
  const [whole] = await decode.generate({ ...request, requestId: "whole" });
  expect(whole!.tokenIds).toHaveLength(8);
  await expect
    .poll(async () => (await decode.metrics()).handOver)
    .toMatchObject({ leasesOpen: 0, receiving: 0 });
});

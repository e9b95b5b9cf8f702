// Two engines against one, over the real threads, sockets and shared memory. The mock's token depends on every token
// before it, read out of the pages, so KV that is wrong or misplaced gives other tokens.
import { MessageChannel } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { createDisaggregation, type RoomRecord } from "@dyn/disagg";
import { createMockEngine, type Engine, type KvTransfer } from "@dyn/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { completeOptions } from "../src/disaggregation-options.ts";
import type { Means } from "../src/means.ts";
import type { EnginePort } from "../src/rooms/engine-port.ts";
import { serveTransfer } from "../src/thread/serve-transfer.ts";
import { collect } from "./pair/collect.ts";
import { makeRequest } from "./pair/make-request.ts";
import { MockPair, patienceMs } from "./pair/mock-pair.ts";

const prompt = (length: number, seed = 1) =>
  Array.from({ length }, (_, i) => (i * 31 * seed + seed) % 1000);

let alone: Engine;
beforeAll(() => {
  alone = createMockEngine({ vocabSize: 1000 });
});
afterAll(() => alone.close());

describe.each(["shm", "tcp"] as const)("over %s", (transport) => {
  it.each([
    [16, 16],
    [16, 4],
    [1, 64],
  ])("pages of %i and %i tokens", async (prefillPage, decodePage) => {
    await using pair = await MockPair.start({
      prefill: { pageSize: prefillPage, chunkedPrefillSize: 64 },
      decode: { pageSize: decodePage },
      transfer: { transport, runBytes: 4096 },
    });
    const requests = [1, 15, 16, 17, 500, 3000].map((length) =>
      makeRequest({ tokenIds: prompt(length) }),
    );
    const answers = await Promise.all(requests.map((request) => pair.run(request)));
    for (const [i, { prefill, decode }] of answers.entries()) {
      const [expected] = await collect(alone, requests[i]!);
      expect(decode[0]!.tokenIds).toEqual(expected!.tokenIds);
      expect(decode[0]!.finish).toEqual(expected!.finish);
      expect(decode[0]!.usage!.promptTokens).toBe(requests[i]!.tokenIds.length);
      expect(prefill[0]!.tokenIds).toEqual(expected!.tokenIds.slice(0, 1));
      expect(prefill[0]!.finish).toEqual({ type: "length" });
    }
    for (const engine of [pair.prefill, pair.decode]) {
      await engine.drain({ signal: AbortSignal.timeout(60_000) });
      const { pagesUsed, handOver } = engine.metrics();
      expect(pagesUsed).toBe(0);
      expect(handOver).toMatchObject({ leasesOpen: 0, leasesAcknowledged: requests.length });
    }
    expect(pair.decode.metrics().prefillSteps).toBe(0);
    // Both sides measured the same runs, and all the steps of each.
    const byLength = (records: readonly RoomRecord[]) =>
      records.map(({ sizeBytes, runCount }) => ({ sizeBytes, runCount })).sort(bySize);
    await expect.poll(() => pair.records.prefill.length).toBe(requests.length);
    await expect.poll(() => pair.records.decode.length).toBe(requests.length);
    expect(byLength(pair.records.decode)).toEqual(byLength(pair.records.prefill));
    for (const record of [...pair.records.prefill, ...pair.records.decode]) {
      expect(record).toMatchObject({ end: "acknowledged", isDamaged: false });
      for (const ms of [record.bootstrapMs, record.allocationMs, record.transferMs]) {
        expect(ms).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

it.each([
  ["shm", ["prefill"]],
  ["shm", ["decode"]],
  ["tcp", ["prefill", "decode"]],
] as const)(
  "over %s, where the engines of %j take checksums as they move KV",
  async (transport, checksums) => {
    await using pair = await MockPair.start({
      checksums,
      transfer: { transport, runBytes: 4096 },
    });
    const request = makeRequest({ tokenIds: prompt(3000) });
    const [expected] = await collect(alone, request);
    const { decode } = await pair.run(request);
    expect(decode[0]!.tokenIds).toEqual(expected!.tokenIds);
  },
);

it.each(["prefill", "decode"] as const)(
  "a %s side without mapped memory reads and writes, and agrees on a checksum that it has",
  async (plain) => {
    const notices: string[] = [];
    const means: Means = {
      memory: null,
      whyNoMemory: "no koffi here",
      checksums: new Map([["crc32", crc32]]),
      notice: (text) => notices.push(text),
    };
    const other = plain === "prefill" ? "decode" : "prefill";
    const shm = { transport: "shm", runBytes: 4096, connectTimeoutMs: patienceMs } as const;
    const side = await createDisaggregation({ ...shm, mode: other });
    const { port1, port2 } = new MessageChannel();
    const options = completeOptions({ ...shm, mode: plain });
    const server = await serveTransfer(port2 as unknown as EnginePort, options, means, {
      onFault: (error) => {
        throw error;
      },
      onRoomEnded: () => {},
    });
    const info = { ...side.transfer.info, mode: plain };
    const engines = {
      [other]: createMockEngine({ vocabSize: 1000, kvTransfer: side.transfer }),
      [plain]: createMockEngine({
        vocabSize: 1000,
        kvTransfer: { port: port1 as unknown as KvTransfer["port"], info },
      }),
    };
    const request = makeRequest({ tokenIds: prompt(3000) });
    const [expected] = await collect(alone, request);
    const half = (role: "prefill" | "decode") =>
      collect(engines[role]!, {
        ...request,
        disaggregation: {
          role,
          bootstrapHost: "127.0.0.1",
          bootstrapPort: (side.bootstrapPort ?? server.bootstrapPort)!,
          bootstrapRoom: 9n,
        },
      });
    const [, decode] = await Promise.all([half("prefill"), half("decode")]);
    expect(decode[0]!.tokenIds).toEqual(expected!.tokenIds);
    if (plain === "decode") {
      expect(notices).toEqual([
        expect.stringContaining("through reads of /dev/shm: no koffi here"),
      ]);
    }
    for (const engine of Object.values(engines)) await engine.close();
    await side.close();
    await server.close();
  },
);

type Size = Pick<RoomRecord, "sizeBytes" | "runCount">;
function bySize(a: Size, b: Size): number {
  return a.sizeBytes - b.sizeBytes;
}

it("choices keep their seeds, log-probabilities and prompt log-probabilities", async () => {
  await using pair = await MockPair.start({
    prefill: { output: "logits" },
    decode: { output: "logits" },
  });
  const request = makeRequest({
    tokenIds: prompt(100),
    n: 3,
    sampling: { temperature: 1, seed: 42, maxNewTokens: 12 },
    logprobs: { top: 2 },
    promptLogprobs: { top: 1, start: 0 },
  });
  const expected = await collect(alone, request);
  const { prefill, decode } = await pair.run(request);
  expect(decode.map(({ tokenIds }) => tokenIds)).toEqual(expected.map(({ tokenIds }) => tokenIds));
  expect(decode.map(({ logprobs }) => logprobs)).toEqual(expected.map(({ logprobs }) => logprobs));
  expect(decode[0]!.promptLogprobs).toEqual(expected[0]!.promptLogprobs);
  expect(prefill.map(({ tokenIds }) => tokenIds)).toEqual(
    expected.map(({ tokenIds }) => tokenIds.slice(0, 1)),
  );
});

it("a seed that prefill drew goes on in decode", async () => {
  await using pair = await MockPair.start();
  const request = makeRequest({
    tokenIds: prompt(40),
    sampling: { temperature: 1, maxNewTokens: 12 },
  });
  const halves = pair.halves(request);
  const prefill = collect(pair.prefill, halves.prefill);
  let seed = 0;
  const tokenIds: number[] = [];
  for await (const output of pair.decode.generate(halves.decode)) {
    seed = output.samplerState.seed;
    tokenIds.push(...output.tokenIds);
  }
  await prefill;
  const again = { ...request, sampling: { ...request.sampling, seed } };
  const [expected] = await collect(alone, { ...again, requestId: "again", n: 1 });
  // The engine derives a choice's seed from the request's; choice 0 keeps it.
  expect(tokenIds).toEqual(expected!.tokenIds);
});

it("only what the decode side has not cached is sent", async () => {
  await using pair = await MockPair.start();
  const first = makeRequest({ tokenIds: prompt(160) });
  const second = makeRequest({ tokenIds: [...prompt(160), 7, 8, 9] });
  await pair.run(first);
  const before = pair.decode.metrics().handOver!.transferredBytes;
  const { decode } = await pair.run(second);
  const [expected] = await collect(alone, second);
  expect(decode[0]!.tokenIds).toEqual(expected!.tokenIds);
  expect(pair.decode.metrics().handOver!.transferredBytes - before).toBe(4 * 3);
  expect(decode[0]!.usage!.cachedTokens).toBe(160);
});

it("the decode side may come first, or last", async () => {
  await using pair = await MockPair.start();
  for (const order of ["prefill", "decode"] as const) {
    const halves = pair.halves(makeRequest({ tokenIds: prompt(50, 3) }));
    const other = order === "prefill" ? "decode" : "prefill";
    const first = collect(pair[order], halves[order]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [a, b] = await Promise.all([first, collect(pair[other], halves[other])]);
    expect([a[0]!.finish, b[0]!.finish]).toEqual([{ type: "length" }, { type: "length" }]);
  }
});

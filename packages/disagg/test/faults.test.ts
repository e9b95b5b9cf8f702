// Everything that can go wrong between two engines: both sides end, by name, and hold nothing afterwards.
import { once } from "node:events";
import { connect } from "node:net";
import { findPrefillRank } from "@dyn/disagg";
import { createMockEngine, type Engine, type FinishReason } from "@dyn/engine";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Collected, collect } from "./pair/collect.ts";
import { FaultyLink } from "./pair/faulty-link.ts";
import { makeRequest } from "./pair/make-request.ts";
import { MockPair, type PairOptions } from "./pair/mock-pair.ts";

const prompt = (length: number, seed = 1) =>
  Array.from({ length }, (_, i) => (i * 31 * seed + seed) % 1000);

let alone: Engine;
beforeAll(() => {
  alone = createMockEngine({ vocabSize: 1000 });
});
afterAll(() => alone.close());

async function expectNothingHeld(...engines: Engine[]): Promise<void> {
  for (const engine of engines) {
    await engine.drain({ signal: AbortSignal.timeout(60_000) });
    const { pagesUsed, handOver } = engine.metrics();
    expect(pagesUsed).toBe(0);
    expect(handOver).toMatchObject({ leasesOpen: 0, leasedPages: 0, receiving: 0 });
  }
}

function errorOf(choices: Collected[]): { code: string; retryable: boolean } {
  const finish = choices[0]!.finish as FinishReason & { type: "error" };
  expect(finish.type).toBe("error");
  return { code: finish.error.code, retryable: finish.error.retryable };
}

const tcp: PairOptions = {
  prefill: { chunkedPrefillSize: 64 },
  transfer: { transport: "tcp", runBytes: 4096 },
};

it("a prefill engine that is not there is said within the time to connect", async () => {
  await using pair = await MockPair.start();
  const { decode } = pair.halves(makeRequest({ tokenIds: prompt(50) }), 7n, 1);
  expect(errorOf(await collect(pair.decode, decode))).toEqual({
    code: "DYN_DISAGG_PREFILL_UNREACHABLE",
    retryable: true,
  });
  expect(pair.decode.metrics().handOver).toMatchObject({ bootstrapFailures: 1 });
  await expectNothingHeld(pair.decode);
});

it("rooms that nobody else enters expire on both sides", async () => {
  await using pair = await MockPair.start({ transfer: { roomTimeoutMs: 300 } });
  const lonely = pair.halves(makeRequest({ tokenIds: prompt(50) }));
  const other = pair.halves(makeRequest({ tokenIds: prompt(50) }));
  const [prefill, decode] = await Promise.all([
    collect(pair.prefill, lonely.prefill),
    collect(pair.decode, other.decode),
  ]);
  expect(errorOf(prefill).code).toBe("DYN_DISAGG_EXPIRED");
  expect(errorOf(decode).code).toBe("DYN_DISAGG_EXPIRED");
  // Who comes too late is told at once, not after another time limit.
  const late = await collect(pair.decode, lonely.decode);
  expect(["DYN_DISAGG_ROOM_CLOSED", "DYN_DISAGG_EXPIRED"]).toContain(errorOf(late).code);
  await expectNothingHeld(pair.prefill, pair.decode);
  expect(pair.decode.metrics().handOver!.leasesExpired).toBeGreaterThan(0);
});

it.each(["prefill", "decode"] as const)("an abort of the %s half ends both", async (side) => {
  await using pair = await MockPair.start({
    ...tcp,
    // Seconds, of which the abort lets little pass.
    prefill: { chunkedPrefillSize: 64, prefillUsPerToken: 3_000 },
  });
  const halves = pair.halves(makeRequest({ tokenIds: prompt(2000) }));
  const both = Promise.all([
    collect(pair.prefill, halves.prefill),
    collect(pair.decode, halves.decode),
  ]);
  const other = side === "prefill" ? pair.decode : pair.prefill;
  while (pair.decode.metrics().handOver!.transferredBytes === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  pair[side].abort(halves[side].requestId);
  const [prefill, decode] = await both;
  const mine = side === "prefill" ? prefill : decode;
  const theirs = side === "prefill" ? decode : prefill;
  expect(mine[0]!.finish!.type).toBe("abort");
  expect(theirs[0]!.finish!.type).toBe(side === "prefill" ? "error" : "abort");
  expect(theirs[0]!.tokenIds).toEqual([]);
  await expectNothingHeld(pair.prefill, pair.decode);
  expect(other.metrics().handOver!.leasesCancelled).toBe(1);
});

it.each([
  ["cut", "DYN_DISAGG_PEER_GONE", []],
  ["flip", "DYN_DISAGG_CHECKSUM", []],
  ["flip", "DYN_DISAGG_CHECKSUM", ["decode"]],
  ["stall", "DYN_DISAGG_PEER_GONE", []],
  ["memory", "DYN_DISAGG_CHECKSUM", []],
  ["memory", "DYN_DISAGG_CHECKSUM", ["prefill", "decode"]],
] as const)(
  "a hand-over that meets a %s fails by name (%s), and the next one works; checked by the engines of %j",
  async (kind, code, checksums) => {
    await using pair = await MockPair.start({
      ...tcp,
      checksums,
      transfer: {
        ...tcp.transfer,
        // Where nothing stalls nobody is to be taken for gone.
        ...(kind === "stall" ? { peerTimeoutMs: 2_000 } : {}),
        transport: kind === "memory" ? "shm" : "tcp",
      },
    });
    await using link = await FaultyLink.start(pair.bootstrapPort);
    const request = makeRequest({ tokenIds: prompt(3000) });
    // Over shared memory the first run is a line behind the welcome.
    link.faults.push({ kind, afterBytes: kind === "memory" ? 150 : 9000 });
    const first = pair.halves(request, 1n, link.bootstrapPort);
    const [prefill, decode] = await Promise.all([
      collect(pair.prefill, first.prefill),
      collect(pair.decode, first.decode),
    ]);
    expect(errorOf(decode)).toEqual({ code, retryable: true });
    expect(["error", "abort"]).toContain(prefill[0]!.finish!.type);
    await expectNothingHeld(pair.prefill, pair.decode);
    // Cut short: no time from first to last, and what came damaged is said.
    await expect.poll(() => pair.records.decode.length).toBe(1);
    const isDamaged = kind === "flip" || kind === "memory";
    expect(pair.records.decode[0]).toMatchObject({ end: "failed", transferMs: null, isDamaged });
    const second = pair.halves({ ...request, requestId: "second" }, 2n, link.bootstrapPort);
    const [, answer] = await Promise.all([
      collect(pair.prefill, second.prefill),
      collect(pair.decode, second.decode),
    ]);
    const [expected] = await collect(alone, request);
    expect(answer[0]!.tokenIds).toEqual(expected!.tokenIds);
    await expectNothingHeld(pair.prefill, pair.decode);
  },
);

it("engines that do not fit each other are refused when they meet, by name", async () => {
  await using pair = await MockPair.start({
    prefillTransfer: { transport: "shm" },
    decodeTransfer: { transport: "tcp" },
  });
  const refused = {
    type: "error",
    error: {
      code: "DYN_DISAGG_MISMATCH",
      message: expect.stringContaining("the transport is shm in prefill and tcp in decode"),
    },
  };
  // Whichever half comes first: neither waits for the other's time limit.
  for (const order of ["prefill", "decode"] as const) {
    const halves = pair.halves(makeRequest({ tokenIds: prompt(50) }));
    const first = collect(pair[order], halves[order]);
    if (order === "decode") await first;
    const other = order === "prefill" ? "decode" : "prefill";
    const second = collect(pair[other], halves[other]);
    for (const [choice] of await Promise.all([first, second])) {
      expect(choice!.finish).toMatchObject(refused);
    }
  }
  await expectNothingHeld(pair.prefill, pair.decode);
});

it("a decode engine of another version is refused by name, and its room's prefill half ends", async () => {
  await using pair = await MockPair.start();
  const { prefill, room } = pair.halves(makeRequest({ tokenIds: prompt(50) }));
  const waiting = collect(pair.prefill, prefill);
  const { rank_ip: host, rank_port: port } = await findPrefillRank({
    host: "127.0.0.1",
    port: pair.bootstrapPort,
    room,
    dpRank: 0,
    timeoutMs: 60_000,
  });
  const socket = connect({ host, port });
  for (const message of [
    { type: "hello", version: 99, anything: true },
    { type: "join", room: `${room}`, tokenCount: 50, skipTokens: 0 },
  ]) {
    const header = Buffer.from(JSON.stringify(message));
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32LE(header.length, 0);
    socket.write(Buffer.concat([prefix, header]));
  }
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  expect(answer.toString("latin1")).toContain("the protocol is 1 in prefill and 99 in decode");
  expect(errorOf(await waiting)).toEqual({ code: "DYN_DISAGG_MISMATCH", retryable: false });
  await expectNothingHeld(pair.prefill);
});

it("where shared memory cannot be had KV goes over TCP, and the reason is said once", async () => {
  const notices: string[] = [];
  await using pair = await MockPair.start({
    // A segment of a tebibyte.
    decodeTransfer: { runBytes: 2 ** 30, window: 1024 },
    prefillTransfer: { runBytes: 4096 },
    onNotice: (text) => notices.push(text),
  });
  for (const seed of [1, 2]) {
    const request = makeRequest({ tokenIds: prompt(2000, seed) });
    const [expected] = await collect(alone, request);
    const { decode } = await pair.run(request);
    expect(decode[0]!.tokenIds).toEqual(expected!.tokenIds);
  }
  expect(notices).toEqual([expect.stringMatching(/comes over TCP: \/dev\/shm has \d+ bytes free/)]);
});

it("SGLang's fake host needs no other side", async () => {
  await using pair = await MockPair.start();
  const request = makeRequest({ tokenIds: [10, 11, 12, 13] });
  const half = { bootstrapHost: "2.2.2.2", bootstrapPort: 0, bootstrapRoom: 0n } as const;
  const [prefill] = await collect(pair.prefill, {
    ...request,
    disaggregation: { ...half, role: "prefill" },
  });
  const [decode] = await collect(pair.decode, {
    ...request,
    disaggregation: { ...half, role: "decode" },
  });
  expect(prefill!.tokenIds).toHaveLength(1);
  expect(decode!.tokenIds).toHaveLength(8);
});

it("halves go to engines of their mode only, and rooms are 63 bits", async () => {
  await using pair = await MockPair.start();
  const request = makeRequest({ tokenIds: [1, 2, 3] });
  await expect(collect(pair.decode, pair.halves(request).prefill)).rejects.toThrow(
    "this engine's disaggregation mode is decode",
  );
  await expect(collect(pair.prefill, pair.halves(request, 2n ** 63n).prefill)).rejects.toThrow(
    "from 0 to 2^63 - 1",
  );
  await expect(collect(alone, pair.halves(request).decode)).rejects.toThrow(
    "started without disaggregation",
  );
  const whole = await collect(pair.decode, request);
  expect(whole[0]!.tokenIds).toHaveLength(8);
});

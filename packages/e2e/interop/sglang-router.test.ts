// A live SGLang server with two data-parallel ranks behind our relay: what routers of both makes believe to be cached is
// what the server says it found, with evictions, for routers that join late, and after the server was killed.
import { createBlockHasher, KvIndex } from "@dyn/kv-events";
import type { ZmqRelay } from "@dyn/kv-relay";
import { createPlanes, DistributedRuntime } from "@dyn/runtime";
import { freePort } from "@dyn/testing";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";
import { serveSglang } from "./sglang/serve-sglang.ts";
import {
  kvEventsConfig,
  SglangPeer,
  type SglangServer,
  sglangPageSize,
  sglangStartTimeoutMs,
} from "./sglang/sglang-peer.ts";

const sglang = await SglangPeer.prepare();
const servers = await InteropServers.start();
const planes = servers.planes("file", "tcp")!;
const rankCount = 2;
const port = await freePort();
const { source, replaySource, flags: kvFlags } = await kvEventsConfig(rankCount);
const startServer = () => sglang!.startServer({ port, rankCount }, ...kvFlags);

describe.skipIf(sglang === null)("SGLang with two ranks", () => {
  let server: SglangServer | null = null;
  let runtime: DistributedRuntime;
  let relay: ZmqRelay;
  let problems: string[];
  let deployment: MixedDeployment;
  beforeAll(async () => {
    server = await startServer();
  }, sglangStartTimeoutMs);
  afterAll(async () => {
    await server?.stop("SIGKILL");
    await servers.close();
  });
  beforeEach(async () => {
    deployment = new MixedDeployment(planes);
    problems = [];
    runtime = new DistributedRuntime(
      await createPlanes({ discoveryBackend: "file", fileKv: servers.folder }),
    );
    const { url } = server!;
    const onProblem = (message: string) => void problems.push(message);
    const where = { source, replaySource, rankCount };
    relay = await serveSglang({ runtime, url, ...where, onProblem });
  });
  afterEach(async () => {
    await deployment.close();
    await relay.close();
    await runtime.close();
    await servers.clear();
  });

  const hasher = createBlockHasher();
  /** Complete blocks of the prompt that a rank holds, by what its relay has been told. */
  const heldBlocks = (rank: number, prompt: readonly number[]): number => {
    const index = new KvIndex();
    index.load(relay.relays[rank]!.dump());
    const { sequenceHashes } = hasher.hashTokens(prompt, { blockSize: sglangPageSize });
    return index.findMatches(sequenceHashes)[0]?.deviceBlocks ?? 0;
  };
  /** Asks our frontend, and resolves when its router has heard what the answer changed. */
  const askOurs = async (client: OpenAI, prompt: readonly number[]) => {
    const before = Array.from({ length: rankCount }, (_, rank) => heldBlocks(rank, prompt));
    const { data, response } = await client.completions
      .create(
        { model: "tiny", prompt: [...prompt], max_tokens: 3 },
        { headers: { "x-dyn-routing-debug": "1" } },
      )
      .withResponse();
    const { rank, overlap } = JSON.parse(response.headers.get("x-dyn-routing")!) as {
      rank: number;
      overlap: number;
    };
    const whole = Math.floor(prompt.length / sglangPageSize);
    await expect.poll(() => heldBlocks(rank, prompt), { timeout: 10_000 }).toBe(whole);
    await untilFollowed(client);
    const cached = data.usage?.prompt_tokens_details?.cached_tokens;
    return {
      rank,
      told: before[rank]! * sglangPageSize,
      believed: overlap * sglangPageSize,
      cached,
    };
  };
  /** The frontend's router has everything that the relays have sent. */
  const untilFollowed = async (client: OpenAI) => {
    const sent = () => relay.relays.map(({ counters }, rank) => [rank, counters.events]);
    await expect
      .poll(
        async () => {
          const { sources } = await routing(client);
          return sources.map(({ dp_rank, last_event_id }) => [dp_rank, Number(last_event_id)]);
        },
        { timeout: 10_000 },
      )
      .toSatisfy((heard: number[][]) => heard.toSorted().join() === sent().toSorted().join());
  };

  test("every decision of our router knows the cache as the server reports it, evictions included", async () => {
    const client = await deployment.ourFrontend("--router-mode", "kv");
    await listed(client).toEqual(["tiny"]);
    const asked: Awaited<ReturnType<typeof askOurs>>[] = [];
    for (let round = 0; round < 3; round++) {
      for (const prompt of sharedPrompts) asked.push(await askOurs(client, prompt));
    }
    for (const { told, believed, cached } of asked) {
      expect([told, believed]).toEqual([cached, cached]);
    }
    expect(new Set(asked.map(({ rank }) => rank)).size).toBe(rankCount);
    expect(asked.some(({ cached }) => cached! > 0)).toBe(true);
    const { index, index_counters: counters, worker_problems: found } = await routing(client);
    expect(counters.removedBlocks).toBeGreaterThan(0);
    expect(index.blocks).toBe(relay.relays.reduce((sum, { blockCount }) => sum + blockCount, 0));
    expect({ problems, found }).toEqual({ problems: [], found: [] });
    // This one has heard no event: it asks the relays.
    const later = await deployment.ourFrontend("--router-mode", "kv");
    await listed(later).toEqual(["tiny"]);
    await untilFollowed(later);
    expect((await routing(later)).index.blocks).toBe(index.blocks);
    const { believed, cached } = await askOurs(later, sharedPrompts.at(-1)!);
    expect(believed).toBe(cached);
    expect(cached).toBeGreaterThan(0);
  }, 300_000);

  test(
    "a server that was killed and comes back is empty for our router before it is asked again",
    async () => {
      const client = await deployment.ourFrontend("--router-mode", "kv");
      await listed(client).toEqual(["tiny"]);
      const prompts = [topic(901, 325), topic(902, 325)];
      for (const prompt of [...prompts, ...prompts]) await askOurs(client, prompt);
      await server!.stop("SIGKILL");
      await expect(client.completions.create({ model: "tiny", prompt: "Hello" })).rejects.toThrow();
      server = await startServer();
      await expect
        .poll(async () => (await routing(client)).index.blocks, { timeout: 20_000 })
        .toBe(0);
      for (const prompt of prompts) {
        expect(await askOurs(client, prompt)).toMatchObject({ believed: 0, cached: 0 });
        const whole = prompt.length - (prompt.length % sglangPageSize);
        expect(await askOurs(client, prompt)).toMatchObject({ believed: whole, cached: whole });
      }
      const { index } = await routing(client);
      expect(index.blocks).toBe(relay.relays.reduce((sum, { blockCount }) => sum + blockCount, 0));
    },
    sglangStartTimeoutMs + 120_000,
  );

  test.skipIf(peer === null)(
    "a real Dynamo frontend in mode kv knows the cache by our relay",
    async () => {
      const client = await deployment.theirFrontend(["--router-mode", "kv"]);
      await listed(client).toEqual(["tiny"]);
      const ask = async (prompt: readonly number[]) => {
        const nvext = { extra_fields: ["worker_id", "timing"] };
        const body = { model: "tiny", prompt: [...prompt], max_tokens: 3, nvext };
        const text = await (await client.completions.create(body).asResponse()).text();
        const { usage } = JSON.parse(text) as OpenAI.Completion;
        const blocks = Math.ceil(prompt.length / sglangPageSize);
        const hitRate = Number(/"kv_hit_rate":([\d.]+)/.exec(text)?.[1]);
        return {
          rank: Number(/"decode_dp_rank":(\d+)/.exec(text)?.[1]),
          believed: Math.round(hitRate * blocks) * sglangPageSize,
          cached: usage?.prompt_tokens_details?.cached_tokens,
        };
      };
      for (const [i, length] of [165, 245, 325].entries()) {
        const prompt = topic(801 + i, length);
        const { rank, ...first } = await ask(prompt);
        expect(first).toEqual({ believed: 0, cached: 0 });
        // It shows what it has heard by where it sends the prompt, and nowhere else.
        const whole = length - (length % sglangPageSize);
        await expect
          .poll(() => ask(prompt), { timeout: 20_000 })
          .toEqual({ rank, believed: whole, cached: whole });
      }
    },
  );
});

/** Ids that no other topic begins with, and that are in every vocabulary. */
function topic(seed: number, length: number): number[] {
  return Array.from({ length }, (_, i) => 300 + ((seed * 131 + i * (7 + (seed % 5))) % 1_000));
}

/** Three bases shared to different depths, with tails of 270 pages: more than both ranks hold. */
const sharedPrompts = Array.from({ length: 20 }, (_, i) => {
  const base = topic(i % 3, 16 * (i + 3));
  return [...base, ...topic(20 + i, 16 * (4 + i) + 5)];
});

interface RoutingPage {
  readonly sources: { readonly dp_rank: number; readonly last_event_id: string | number }[];
  readonly index: { readonly blocks: number };
  readonly index_counters: { readonly removedBlocks: number };
  readonly worker_problems: object[];
}

/** What our frontend's router knows. */
async function routing(client: OpenAI): Promise<RoutingPage> {
  const response = await fetch(client.baseURL.replace(/\/v1$/, "/debug/routing"));
  const { models } = (await response.json()) as { models: RoutingPage[] };
  return models[0]!;
}

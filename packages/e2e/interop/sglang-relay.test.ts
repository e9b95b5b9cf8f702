// A live SGLang server behind our relay: what routers are told equals what the server says it found in its cache.
// DYN_INTEROP_SGLANG=http://127.0.0.1:30000,tcp://127.0.0.1:5557,tcp://127.0.0.1:5558 names a server that runs with
// --page-size 16 --enable-cache-report and KV events on these two sockets.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createBlockHasher,
  decodeKvQueryAnswer,
  decodeRouterEvents,
  encodeMsgpack,
  KvIndex,
} from "@dyn/kv-events";
import { createZmqRelay } from "@dyn/kv-relay";
import {
  createPlanes,
  DistributedRuntime,
  type EventSourceRecord,
  RequestContext,
} from "@dyn/runtime";
import { afterAll, expect, test } from "vitest";

const [url, source, replaySource] = (process.env.DYN_INTEROP_SGLANG ?? "").split(",");
if (!url) console.warn("\n*** SKIPPED: DYN_INTEROP_SGLANG names no SGLang server. ***\n");
const blockSize = 16;
const folder = mkdtempSync(join(tmpdir(), "dyn-sglang-relay-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function generate(tokenIds: readonly number[]): Promise<number> {
  const response = await fetch(`${url}/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      input_ids: tokenIds,
      sampling_params: { max_new_tokens: 4, temperature: 0, ignore_eos: true },
    }),
  });
  const { meta_info } = (await response.json()) as { meta_info: { cached_tokens: number } };
  return meta_info.cached_tokens;
}

test.skipIf(!url)("evictions included, overlap by events is what the server reports", async () => {
  const createRuntime = async () =>
    new DistributedRuntime(
      await createPlanes({ discoveryBackend: "file", fileKv: folder, eventPlaneHost: "127.0.0.1" }),
    );
  const [worker, router] = [await createRuntime(), await createRuntime()];
  await fetch(`${url}/flush_cache`, { method: "POST" });
  const problems: string[] = [];
  const relay = await createZmqRelay({
    runtime: worker,
    endpoint: "dyn://dynamo.backend.generate",
    blockSize,
    source: source!,
    replaySource: replaySource || null,
    onProblem: (message) => problems.push(message),
  });
  // As a router does it, over the planes.
  const { discovery, eventPlane, requestPlane } = router.planes;
  await expect.poll(async () => (await discovery.list("v1/event_sources")).length).toBe(1);
  const [record] = (await discovery.list("v1/event_sources")) as EventSourceRecord[];
  const { scope, topic, recoveryTarget, worker: who } = record!;
  const subscription = await eventPlane.subscribe(scope, topic);
  const index = new KvIndex();
  const recover = async (): Promise<number> => {
    const body = { worker_id: who.workerId, dp_rank: who.dpRank, kind: "recovery" };
    for await (const { data } of requestPlane.call(recoveryTarget!, body, new RequestContext())) {
      const answer = decodeKvQueryAnswer(encodeMsgpack(data));
      if (answer.type !== "treeDump") throw new Error(`The relay answered ${answer.type}.`);
      index.applyCleared(who.workerId, who.dpRank);
      index.load(answer.events);
      return answer.lastEventId;
    }
    throw new Error("The relay did not answer.");
  };
  await generate(Array.from({ length: 21 }, () => 7));
  await expect.poll(() => relay.relays[0]!.counters.events, { timeout: 20_000 }).toBeGreaterThan(0);
  let cursor = await recover();
  let gapCount = 0;
  void (async () => {
    for await (const { payload } of subscription) {
      for (const event of decodeRouterEvents(payload)) {
        if (event.eventId <= cursor) continue;
        if (event.eventId !== cursor + 1) gapCount += 1;
        index.apply(event);
        cursor = event.eventId;
      }
    }
  })();
  /** Until nothing new has come for a while: the server says events behind its answers. */
  const settle = async () => {
    for (let seen = -1; seen !== cursor; ) {
      seen = cursor;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  };
  await settle();
  const hasher = createBlockHasher();
  const prompts = Array.from({ length: 12 }, (_, i) =>
    // Three bases shared to different depths, on top of which the tails differ.
    Array.from({ length: 16 * (4 + 2 * i) + 5 }, (_, at) =>
      at < 16 * (i + 1) ? 10 + ((at * 7 + (i % 3) * 311) % 900) : 10 + ((at * 13 + i * 97) % 900),
    ),
  );
  const compared: [predicted: number, reported: number][] = [];
  for (let round = 0; round < 3; round++) {
    for (const prompt of prompts) {
      const { sequenceHashes } = hasher.hashTokens(prompt, { blockSize });
      const [found] = index.findMatches(sequenceHashes);
      const predicted = (found?.deviceBlocks ?? 0) * blockSize;
      compared.push([predicted, await generate(prompt)]);
      await settle();
    }
  }
  console.log("predicted, reported:", JSON.stringify(compared));
  expect(compared.map(([predicted]) => predicted)).toEqual(
    compared.map(([, reported]) => reported),
  );
  expect(compared.some(([, reported]) => reported > 0)).toBe(true);
  expect(index.counters.removedBlocks).toBeGreaterThan(0);
  expect({ gapCount, problems }).toEqual({ gapCount: 0, problems: [] });
  // A router that joins now is told the same.
  const live = index.dump().length;
  cursor = await recover();
  expect(index.blockCount).toBe(relay.relays[0]!.blockCount);
  expect(index.dump()).toHaveLength(live);
  subscription.close();
  await relay.close();
  await expect.poll(async () => (await discovery.list("v1/event_sources")).length).toBe(0);
  await worker.close();
  await router.close();
});

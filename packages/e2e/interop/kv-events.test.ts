// KV events between makes: the real frontend routes by what our workers hold, and we follow a real mocker.
import {
  decodeKvQueryAnswer,
  decodeRouterEvents,
  encodeMsgpack,
  KvIndex,
  type KvQueryAnswer,
} from "@dyn/kv-events";
import {
  createPlanes,
  DistributedRuntime,
  type EventSourceRecord,
  RequestContext,
} from "@dyn/runtime";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { ask, InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const servers = await InteropServers.start();
afterAll(() => servers.close());

const events = '{"publisher":"zmq","endpoint":"tcp://*:*","replay_endpoint":"tcp://*:*"}';
const cases = (["file", "etcd"] as const).map(
  (discovery) => [discovery, servers.planes(discovery, "tcp")] as const,
);

/** Long enough for many blocks; another topic is another prefix from its first block on. */
function prompt(topic: string): string {
  return Array.from({ length: 60 }, (_, i) => `${topic} number ${i} is a ${topic}.`).join(" ");
}

/** The worker as text: two ids of one etcd are the same number in a double. */
async function route(
  client: OpenAI,
  content: string,
): Promise<{ worker: string; hitRate: number }> {
  const nvext = { extra_fields: ["worker_id", "timing"] };
  const body = { model: "tiny", prompt: content, max_tokens: 2, nvext };
  const answer = await client.completions.create(body).asResponse();
  const text = await answer.text();
  const worker = /"decode_worker_id":(\d+)/.exec(text)?.[1];
  if (worker === undefined) throw new Error(`No worker is named in ${text}`);
  return { worker, hitRate: Number(/"kv_hit_rate":([\d.]+)/.exec(text)?.[1] ?? 0) };
}

describe.each(cases)("discovery in %s", (_, planes) => {
  const runs = describe.skipIf(peer === null || planes === null);
  let deployment: MixedDeployment;
  beforeEach(() => {
    deployment = new MixedDeployment(planes!);
  });
  afterEach(async () => {
    await deployment.close();
    await servers.clear();
  });
  const mockWorker = (...more: string[]) =>
    deployment.ourWorker(["--engine", "mock", "--page-size", "16", ...more]);

  runs("their frontend in mode kv, two workers of ours", () => {
    test("a prompt that was seen goes to the worker that has it, also by a frontend that joins later", async () => {
      await Promise.all([
        mockWorker("--kv-events-config", events),
        mockWorker("--kv-events-config", events),
      ]);
      const first = await deployment.theirFrontend(["--router-mode", "kv"]);
      await listed(first).toEqual(["tiny"]);
      // Equally loaded workers are drawn from: some draws later both hold something.
      const homes = new Map<string, string>();
      for (let i = 1; i <= 60 && (i <= 6 || new Set(homes.values()).size < 2); i++) {
        const topic = `${i} apples`;
        homes.set(topic, (await route(first, prompt(topic))).worker);
      }
      expect(new Set(homes.values()).size).toBe(2);
      const again = async (client: OpenAI) => {
        for (const [topic, home] of homes) {
          const { worker, hitRate } = await route(client, prompt(topic));
          expect([topic, worker]).toEqual([topic, home]);
          expect(hitRate).toBeGreaterThan(0.9);
        }
      };
      await again(first);
      // This one has heard no event: it asks the workers' local indexes.
      const second = await deployment.theirFrontend(["--router-mode", "kv"]);
      await listed(second).toEqual(["tiny"]);
      await again(second);
    });

    test("a worker that is full by its load reports is passed over, and free again afterwards", async () => {
      await mockWorker("--kv-events-config", events, "--mock-decode-ms-per-step", "20");
      const client = await deployment.theirFrontend([
        ...["--router-mode", "kv", "--active-decode-blocks-threshold", "0.0001"],
      ]);
      await listed(client).toEqual(["tiny"]);
      const stream = await client.chat.completions.create({
        ...ask(prompt("apple"), { max_tokens: 2_000, ignore_eos: true }),
        stream: true,
      });
      for await (const _ of stream) {
        const refusal = await route(client, "Hello").catch((error: { status: number }) => error);
        if ("status" in refusal) {
          expect(refusal.status).toBe(529);
          break;
        }
      }
      stream.controller.abort();
      await expect
        .poll(
          () =>
            route(client, "Hello").then(
              () => "served",
              () => "refused",
            ),
          { timeout: 10_000 },
        )
        .toBe("served");
    });
  });

  runs("their mocker, followed by us", () => {
    test("its recovery query and its live events build the same index", async () => {
      const client = await deployment.ourFrontend();
      await deployment.theirMocker(["--speedup-ratio", "100", "--block-size", "16"]);
      await listed(client).toEqual(["tiny"]);
      const say = (topic: string) =>
        client.chat.completions.create(ask(prompt(topic), { max_tokens: 2 }));
      await say("apple");
      const { folder, etcd } = servers;
      const own = await createPlanes({
        discoveryBackend: planes!.flags[1] as "file" | "etcd",
        fileKv: folder,
        ...(etcd === null ? {} : { etcdEndpoints: [etcd.url] }),
      });
      const runtime = new DistributedRuntime(own);
      const [source] = (await own.discovery.list("v1/event_sources")) as EventSourceRecord[];
      const { scope, topic, worker, recoveryTarget } = source!;
      const dump = async (): Promise<KvQueryAnswer & { type: "treeDump" }> => {
        const body = {
          worker_id: worker.workerId,
          dp_rank: worker.dpRank,
          start_event_id: null,
          end_event_id: null,
          supports_tree_dump_failed: true,
          kind: "recovery",
        };
        const items = own.requestPlane.call(recoveryTarget!, body, new RequestContext());
        for await (const { data } of items) {
          return decodeKvQueryAnswer(encodeMsgpack(data)) as KvQueryAnswer & { type: "treeDump" };
        }
        throw new Error("The mocker did not answer.");
      };
      const subscription = await own.eventPlane.subscribe(scope, topic);
      const index = new KvIndex();
      let { events: held, lastEventId: cursor } = await dump();
      index.load(held);
      void (async () => {
        for await (const { payload } of subscription) {
          for (const event of decodeRouterEvents(payload)) {
            if (event.eventId <= cursor) continue;
            expect(event.eventId).toBe(cursor + 1);
            index.apply(event);
            cursor = event.eventId;
          }
        }
      })();
      expect(held.length).toBeGreaterThan(0);
      // A subscription takes effect a little later: events before that show as a gap, so this prompt may be said again.
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const topic of ["river", "stone", "apple"]) await say(topic);
      const known = (
        from: Iterable<{ readonly data: { readonly type: string; blockHashes?: BigUint64Array } }>,
      ) => [...from].flatMap(({ data }) => Array.from(data.blockHashes ?? [])).sort();
      await expect
        .poll(async () => known(index.dump()).join() === known((await dump()).events).join(), {
          timeout: 10_000,
        })
        .toBe(true);
      expect(index.blockCount).toBeGreaterThan(40);
      expect(index.counters.unknownParents).toBe(0);
      subscription.close();
      await runtime.close();
    });
  });
});

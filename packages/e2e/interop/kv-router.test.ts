// Routers between makes: ours fed by real mockers, indexes asked across, and the services of both side by side.
import type { EngineOutputItem } from "@dyn/protocol";
import { createPlanes, DistributedRuntime } from "@dyn/runtime";
import { freePort } from "@dyn/testing";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const servers = await InteropServers.start();
afterAll(() => servers.close());
const planes = servers.planes("file", "tcp")!;
const events = '{"publisher":"zmq","endpoint":"tcp://*:*","replay_endpoint":"tcp://*:*"}';
const blockSize = 16;
let deployment: MixedDeployment;
beforeEach(() => {
  deployment = new MixedDeployment(planes);
});
afterEach(async () => {
  await deployment.close();
  await servers.clear();
});

const prompt = (topic: number, count = 160) =>
  Array.from({ length: count }, (_, i) => 300 + ((topic * 131 + i * 7) % 1_000));
const mockWorker = () =>
  deployment.ourWorker([
    ...["--engine", "mock", "--page-size", String(blockSize), "--kv-events-config", events],
  ]);
const mocker = () =>
  deployment.theirMocker(["--speedup-ratio", "100", "--block-size", String(blockSize)]);

/** Where it went, and the share of it that was there. */
async function route(client: OpenAI, tokenIds: readonly number[]) {
  const nvext = { extra_fields: ["worker_id", "timing"] };
  const body = { model: "tiny", prompt: [...tokenIds], max_tokens: 2, nvext };
  const text = await (await client.completions.create(body).asResponse()).text();
  return {
    worker: /"decode_worker_id":(\d+)/.exec(text)?.[1] ?? "",
    hitRate: Number(/"kv_hit_rate":([\d.]+)/.exec(text)?.[1] ?? 0),
  };
}

async function createRuntime(): Promise<DistributedRuntime> {
  const place = { discoveryBackend: "file" as const, fileKv: servers.folder };
  return new DistributedRuntime(await createPlanes(place));
}

describe.skipIf(peer === null)("our router, their workers", () => {
  test("a prompt that comes again goes where it is, also by a frontend that starts later", async () => {
    await Promise.all([mocker(), mocker()]);
    const first = await deployment.ourFrontend("--router-mode", "kv");
    await listed(first).toEqual(["tiny"]);
    const homes = new Map<number, Set<string>>();
    const used = new Set<string>();
    for (let i = 1; i <= 60 && (i <= 6 || used.size < 2); i++) {
      const { worker } = await route(first, prompt(i));
      homes.set(i, new Set([worker]));
      used.add(worker);
    }
    expect(used.size).toBe(2);
    const again = async (client: OpenAI) => {
      for (const [topic, home] of homes) {
        await expect
          .poll(
            async () => {
              const { hitRate, worker } = await route(client, prompt(topic));
              // Asked before the event came: it is there, too, from now on.
              if (hitRate <= 0.9) home.add(worker);
              return hitRate;
            },
            { timeout: 10_000 },
          )
          .toBeGreaterThan(0.9);
        const { worker } = await route(client, prompt(topic));
        expect([topic, ...home]).toContain(worker);
      }
    };
    await again(first);
    // This one has heard no event: it asks the mockers.
    const second = await deployment.ourFrontend("--router-mode", "kv");
    await listed(second).toEqual(["tiny"]);
    await again(second);
  });
});

describe.skipIf(peer === null)("an index of the other make", () => {
  test("our frontend asks theirs", async () => {
    await Promise.all([mockWorker(), mockWorker()]);
    const theirs = await deployment.theirFrontend(["--router-mode", "kv", "--serve-indexer"]);
    await listed(theirs).toEqual(["tiny"]);
    const ours = await deployment.ourFrontend("--router-mode", "kv", "--use-remote-indexer");
    await listed(ours).toEqual(["tiny"]);
    const { worker } = await route(ours, prompt(1));
    await expect
      .poll(async () => (await route(ours, prompt(1))).hitRate, { timeout: 15_000 })
      .toBeGreaterThan(0.9);
    expect((await route(ours, prompt(1))).worker).toBe(worker);
  });

  test("their frontend asks ours", async () => {
    await Promise.all([mockWorker(), mockWorker()]);
    const args = ["--endpoint", "dynamo.backend.generate", "--router-block-size", `${blockSize}`];
    const keeper = await deployment.ourProgram(
      "router",
      [...args, "--serve-indexer"],
      /"(routesTo)"/,
    );
    const theirs = await deployment.theirFrontend(["--router-mode", "kv", "--use-remote-indexer"]);
    await listed(theirs).toEqual(["tiny"]);
    const { worker } = await route(theirs, prompt(1));
    await expect
      .poll(async () => (await route(theirs, prompt(1))).hitRate, { timeout: 15_000 })
      .toBeGreaterThan(0.9);
    expect((await route(theirs, prompt(1))).worker).toBe(worker);
    // It was ours that it knew this from: without it the same prompt is known nowhere, or not served at all.
    await keeper.stop("SIGKILL");
    await expect
      .poll(
        () =>
          route(theirs, prompt(1)).then(
            ({ hitRate }) => hitRate,
            () => 0,
          ),
        {
          timeout: 30_000,
        },
      )
      .toBe(0);
  });
});

describe.skipIf(peer === null)("services side by side over our workers", () => {
  test.each(["dyn-router", "dynamo.router"])("%s answers alike", async (name) => {
    await Promise.all([mockWorker(), mockWorker()]);
    const args = ["--endpoint", "dynamo.backend.generate", "--router-block-size", `${blockSize}`];
    if (name === "dyn-router") await deployment.ourProgram("router", args, /"(routesTo)"/);
    else await deployment.theirModule("dynamo.router", ...args);
    const runtime = await createRuntime();
    const call = async <T>(endpoint: string, body: unknown): Promise<T[]> => {
      const id = { namespace: "dynamo", component: "router", endpoint };
      const client = runtime.endpoint(id).createClient<unknown, T>();
      await client.waitForInstances({ signal: AbortSignal.timeout(60_000) });
      const items: T[] = [];
      // Theirs wraps its own annotation in the plane's.
      for await (const { data } of client.generate(body)) items.push(unwrap(data) as T);
      await client.close();
      return items;
    };
    try {
      const request = {
        model: "tiny",
        token_ids: prompt(1),
        stop_conditions: { max_tokens: 3, ignore_eos: true },
        sampling_options: {},
        output_options: {},
        eos_token_ids: [],
        annotations: [],
      };
      const items = await call<EngineOutputItem>("generate", request);
      expect(items.flatMap(({ token_ids }) => token_ids)).toHaveLength(3);
      const { decode_worker_id: home } = (
        items[0]!.routing_data as { worker_id: { decode_worker_id: bigint } }
      ).worker_id;
      expect(items.at(-1)!.routing_data).toMatchObject({
        timing: {
          request_received_ms: expect.anything(),
          prefill_wait_time_ms: expect.anything(),
          ttft_ms: expect.anything(),
          total_time_ms: expect.anything(),
          kv_hit_rate: 0,
          router_queue_depth: expect.anything(),
        },
      });
      const scores = async () =>
        (await call<{ workers: object[] }>("get_overlap_scores", { token_ids: prompt(1) }))[0]!;
      await expect
        .poll(async () => (await scores()).workers, { timeout: 15_000 })
        .toContainEqual({
          worker_id: home,
          dp_rank: 0,
          device_blocks: 10,
          host_pinned_blocks: 10,
          disk_blocks: 10,
          host_pinned_extension_blocks: 0,
          disk_extension_blocks: 0,
          shared_beyond_device_blocks: null,
        });
      expect(await scores()).toMatchObject({
        block_size: blockSize,
        num_blocks: 10,
        shared_cache: { enabled: false, total_hit_blocks: 0, ranges: [], error: null },
      });
      expect(await call("best_worker_id", prompt(1))).toEqual([home]);
      await expect(call("best_worker_id", { token_ids: prompt(1) })).rejects.toMatchObject({
        status: 400,
      });
    } finally {
      await runtime.close();
    }
  });

  test("dyn-indexer and dynamo.indexer say the same of one engine", async () => {
    const worker = await mockWorker();
    const [, endpoint, replay] =
      /"endpoint":"(tcp:[^"]+)","replayEndpoint":"(tcp:[^"]+)"/.exec(worker.output()) ?? [];
    const ours = await deployment.ourProgram("indexer", [], /"url":"(http:[^"]+)"/);
    const port = await freePort();
    await deployment.theirModule("dynamo.indexer", "--port", String(port));
    const urls = [ours.ready, `http://127.0.0.1:${port}`];
    const post = async (url: string, path: string, body: object) => {
      const headers = { "content-type": "application/json" };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const response = await fetch(`${url}${path}`, init);
      return { status: response.status, body: (await response.json()) as object };
    };
    const registration = {
      instance_id: 7,
      endpoint: endpoint!.replace("*", "127.0.0.1"),
      replay_endpoint: replay!.replace("*", "127.0.0.1"),
      model_name: "m",
      block_size: blockSize,
    };
    for (const url of urls) {
      await expect
        .poll(
          () =>
            fetch(`${url}/health`).then(
              ({ status }) => status,
              () => 0,
            ),
          { timeout: 60_000 },
        )
        .toBe(200);
      expect(await post(url, "/register", registration)).toEqual({
        status: 201,
        body: { status: "ok" },
      });
    }
    const client = await deployment.ourFrontend();
    await listed(client).toEqual(["tiny"]);
    // Subscriptions take effect a little later: what comes then tells of what was missed.
    let round = 10;
    const said = (url: string) => async () => {
      await route(client, prompt(round++, 32));
      return (await post(url, "/query", { model_name: "m", token_ids: prompt(10, 32) })).body;
    };
    for (const url of urls) {
      await expect.poll(said(url), { timeout: 20_000 }).toMatchObject({ scores: { 7: { 0: 32 } } });
    }
    for (const topic of [1, 2, 3]) await route(client, prompt(topic, 100 + 20 * topic));
    for (const topic of [1, 2, 3, 99]) {
      const query = { model_name: "m", token_ids: prompt(topic, 400) };
      await expect
        .poll(async () => (await post(urls[0]!, "/query", query)).body, { timeout: 10_000 })
        .toEqual((await post(urls[1]!, "/query", query)).body);
    }
    const unknown = { model_name: "zz", token_ids: [1] };
    const [a, b] = await Promise.all(urls.map((url) => post(url, "/query", unknown)));
    expect(a).toEqual(b);
  });

  test("their frontend in mode device-aware-weighted takes our workers on CPUs", async () => {
    await Promise.all([mockWorker(), mocker()]);
    const client = await deployment.theirFrontend(["--router-mode", "device-aware-weighted"]);
    await listed(client).toEqual(["tiny"]);
    for (let i = 0; i < 8; i++) await route(client, prompt(i));
  });
});

function unwrap(data: unknown): unknown {
  return typeof data === "object" && data !== null && "data" in data && !("token_ids" in data)
    ? (data as { data: unknown }).data
    : data;
}

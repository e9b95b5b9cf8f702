// What a worker tells unasked, heard by another process: its engine's own socket, the event plane, discovery.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKvEventSubscriber, decodeRouterEvents, decodeWorkerLoad } from "@dyn/kv-events";
import { createPlanes, type EventSourceRecord, type ModelRecord, type Planes } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete } from "../src/deployment.ts";
import { type StartedProgram, startProgram } from "../src/start-program.ts";

const scope = { namespace: "dynamo", component: "backend", endpoint: "generate" };
const events =
  '{"publisher":"zmq","topic":"kv-events","endpoint":"tcp://*:*","replay_endpoint":"tcp://*:*"}';
const text = Array.from({ length: 40 }, (_, i) => `Apple number ${i} is ripe.`).join(" ");

let folder: string;
let planes: Planes;
let open: StartedProgram[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "dyn-events-"));
  planes = await createPlanes({ discoveryBackend: "file", fileKv: folder });
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((program) => program.stop("SIGKILL")));
  await planes.requestPlane.close();
  await planes.eventPlane.close();
  await planes.discovery.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(app: string, args: readonly string[], ready: RegExp): Promise<StartedProgram> {
  const program = await startProgram({
    app,
    args: [...args, "--discovery-backend", "file"],
    env: {
      DYN_FILE_KV: folder,
      DYN_HTTP_HOST: "127.0.0.1",
      DYN_HTTP_PORT: "0",
      DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "1",
    },
    ready,
  });
  open.push(program);
  return program;
}

const startWorker = (...more: string[]) =>
  start(
    "worker",
    [
      ...["--model-path", modelPath("dyn-tiny-chat"), "--served-model-name", "tiny"],
      ...["--page-size", "4", ...more],
    ],
    /"model":"(tiny)"/,
  );

test.each(["mock", "onnx"])("the %s engine's cache and load leave the process", async (engine) => {
  const worker = await startWorker("--engine", engine, "--kv-events-config", events);
  const frontend = await start("frontend", [], /"url":"(http:[^"]+)"/);
  const [source] = (await planes.discovery.list("v1/event_sources")) as EventSourceRecord[];
  const [model] = (await planes.discovery.list("v1/mdc")) as ModelRecord[];
  expect(source).toMatchObject({ scope, topic: "kv-events", kvStateEndpoint: scope });
  expect(source!.worker).toEqual({ workerId: model!.instanceId, dpRank: 0 });
  expect(model!.card.runtimeConfig).toMatchObject({
    enableLocalIndexer: true,
    kvEventPublishingEnabled: true,
  });
  const { endpoint, replayEndpoint } = JSON.parse(
    /KV events are published (\{.*\})/.exec(worker.output())![1]!,
  ) as { endpoint: string; replayEndpoint: string };
  using engineSocket = await createKvEventSubscriber({ endpoint, replayEndpoint });
  const cache = await planes.eventPlane.subscribe(scope, "kv-events");
  const load = await planes.eventPlane.subscribe(scope, "kv_metrics");
  // Asked again until somebody hears of it: subscriptions take effect a little later.
  const asking = { isOver: false };
  const asked = (async () => {
    while (!asking.isOver) await complete(frontend.ready, `${Math.random()} ${text}`, 40);
  })();
  // Told below, when it is waited for.
  asked.catch(() => {});
  const stored = { plane: 0, socket: 0 };
  try {
    for await (const { payload, publisherId } of cache) {
      expect(publisherId).toBe(source!.publisherId);
      for (const { workerId, data } of decodeRouterEvents(payload)) {
        expect(workerId).toBe(model!.instanceId);
        if (data.type === "stored") stored.plane += data.blockHashes.length;
      }
      if (stored.plane > 50) break;
    }
    for await (const delivery of engineSocket) {
      if (delivery.type !== "batch") continue;
      for (const event of delivery.batch.events) {
        if (event.type === "stored") stored.socket += event.blockHashes.length;
      }
      if (stored.socket > 50) break;
    }
    for await (const { payload } of load) {
      const report = decodeWorkerLoad(payload);
      expect(report.workerId).toBe(model!.instanceId);
      if (report.kvUsedBlocks! > 10) break;
    }
  } finally {
    asking.isOver = true;
  }
  await asked;
  expect(await worker.stop()).toBe(0);
  for (const bucket of ["v1/event_sources", "v1/event_channels", "v1/instances"] as const) {
    expect(await planes.discovery.list(bucket)).toEqual([]);
  }
});

test("without --kv-events-config the load alone is told, and the card says so", async () => {
  await startWorker("--engine", "mock");
  expect(await planes.discovery.list("v1/event_sources")).toEqual([]);
  const [model] = (await planes.discovery.list("v1/mdc")) as ModelRecord[];
  expect(model!.card.runtimeConfig?.kvEventPublishingEnabled).toBe(false);
  const channels = await planes.discovery.list("v1/event_channels");
  expect(channels).toMatchObject([{ topic: "kv_metrics" }]);
});

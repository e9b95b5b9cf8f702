// What a worker in a pod shows of itself on its system port, against a fake Kubernetes API.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseWorkerArgs } from "@dyn/args";
import { createLogger, parseLogFilter } from "@dyn/logging";
import { createPlanes, KubernetesDiscovery } from "@dyn/runtime";
import { FakeKubeApi } from "@dyn/testing";
import { resolveBundledModel, startWorker } from "@dyn/worker";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "dyn-e2e-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("/metadata has the endpoints and the card of a worker that Kubernetes knows", async () => {
  const api = await FakeKubeApi.start();
  writeFileSync(join(folder, "token"), "first-token\n");
  api.setReady("worker-0", true);
  const args = parseWorkerArgs({
    argv: ["--model-path", "dyn-tiny-chat", "--engine", "mock"],
    env: { DYN_SYSTEM_PORT: "0", DYN_SYSTEM_HOST: "127.0.0.1" },
  });
  if (args.action === "print") throw new Error(args.text);
  const worker = await startWorker({
    args: resolveBundledModel(args),
    planes: {
      ...(await createPlanes({ discoveryBackend: "mem" })),
      discovery: await KubernetesDiscovery.connect({
        url: api.url,
        accountFolder: folder,
        podInfoFolder: folder,
        mode: "pod",
        podName: "worker-0",
        podUid: api.uidOf("worker-0"),
        podNamespace: "default",
      }),
    },
    logger: createLogger({ target: "test", filter: parseLogFilter("error") }),
    signal: new AbortController().signal,
  });
  try {
    const answer = await fetch(`${worker.systemUrl}/metadata`);
    expect(answer.status).toBe(200);
    const { endpoints, model_cards: cards } = (await answer.json()) as Record<string, object>;
    expect(Object.keys(endpoints!)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^dynamo\/backend\/generate\/[0-9a-f]+$/)]),
    );
    expect(Object.values(cards!)).toMatchObject([{ card_json: { display_name: "dyn-tiny-chat" } }]);
  } finally {
    await worker.drain();
    await api.stop();
  }
});

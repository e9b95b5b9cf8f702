// A worker over several machines, as launch scripts for many of them start it: one node serves, the others are looked at.
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete, Deployment, untilListed } from "../src/deployment.ts";
import { startProgram } from "../src/start-program.ts";

let deployment: Deployment;
beforeEach(() => {
  deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
});
afterEach(() => deployment.close());

const nodes = ["--nnodes", "2", "--dist-init-addr", "127.0.0.1:5000"];

function startFollower(env: Readonly<Record<string, string>> = {}) {
  return startProgram({
    app: "worker",
    // Its model is nowhere: it loads none.
    args: ["--model-path", "/nowhere", ...nodes, "--node-rank", "1"],
    env: {
      DYN_DISCOVERY_BACKEND: "file",
      DYN_FILE_KV: deployment.folder,
      DYN_SYSTEM_HOST: "127.0.0.1",
      DYN_SYSTEM_PORT: "0",
      ...env,
    },
    ready: /health and metrics only (\{.*\})/,
  });
}

test("a node of higher rank shows health and metrics, registers nothing, and ends with a signal", async () => {
  const follower = await startFollower();
  try {
    const { node, system } = JSON.parse(follower.ready) as { node: number; system: string };
    expect(node).toBe(1);
    for (const path of ["/health", "/live"]) {
      const answer = await fetch(`${system}${path}`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ status: "ready", endpoints: {} });
    }
    expect(await (await fetch(`${system}/metrics`)).text()).toContain("process_cpu_seconds_total");
    expect((await fetch(`${system}/engine/pause_generation`)).status).toBe(404);
    expect(readdirSync(deployment.folder, { recursive: true })).toEqual([]);
    expect(await follower.stop()).toBe(0);
  } finally {
    await follower.stop("SIGKILL");
  }
});

test("beside it node 0 serves alone, and a dead node of higher rank takes nobody along", async () => {
  const { ready: url } = await deployment.startFrontend();
  const leader = await deployment.startWorker(nodes);
  const follower = await startFollower();
  await untilListed(url, "tiny");
  await expect.poll(() => leader.output()).toContain("the whole model is served from here, node 0");
  await follower.stop("SIGKILL");
  expect(await complete(url, "Once", 5)).toMatchObject({ status: 200, tokenCount: 5 });
});

test("without a system port it says that nobody can look at it, and waits all the same", async () => {
  const follower = await startFollower({ DYN_SYSTEM_PORT: "-1" });
  await expect.poll(() => follower.output()).toContain("set DYN_SYSTEM_PORT");
  expect(await follower.stop()).toBe(0);
});

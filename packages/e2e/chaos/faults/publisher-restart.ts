// A publisher of events is killed and started again, three times; a subscriber in another process goes on listening.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlanes } from "@dyn/runtime";
import { type StartedProgram, startProcess } from "../../src/start-program.ts";
import { type Outcome, pause } from "../fault.ts";

const scope = { namespace: "dynamo", component: "backend", endpoint: "generate" };
const restartCount = 3;
const timeoutMs = 30_000;

export async function runPublisherRestart(): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "dyn-chaos-events-"));
  const planes = await createPlanes({
    discoveryBackend: "file",
    fileKv: folder,
    eventPlane: "zmq",
    eventPlaneHost: "127.0.0.1",
  });
  let publisher: StartedProgram | null = null;
  try {
    const subscription = await planes.eventPlane.subscribe(scope, "chaos");
    /** First and last number of each publisher. */
    const heard = new Map<bigint, { first: number; last: number; count: number }>();
    const listening = (async () => {
      for await (const { publisherId, sequence } of subscription) {
        const known = heard.get(publisherId) ?? { first: sequence, last: sequence, count: 0 };
        heard.set(publisherId, { ...known, last: sequence, count: known.count + 1 });
      }
    })();
    let slowestMs = 0;
    for (let start = 0; start <= restartCount; start++) {
      publisher = await startPublisher(folder);
      const upAtMs = performance.now();
      while (!heard.has(BigInt(publisher.ready))) {
        if (performance.now() - upAtMs > timeoutMs) throw new Error("A publisher is not heard.");
        await pause(5);
      }
      if (start > 0) slowestMs = Math.max(slowestMs, performance.now() - upAtMs);
      await pause(1_000);
      await publisher.stop("SIGKILL");
    }
    // What was under way arrives.
    await pause(200);
    subscription.close();
    await listening;
    const spans = [...heard.values()];
    const numbered = spans.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    const received = spans.reduce((sum, { count }) => sum + count, 0);
    return {
      fault: "ZMQ publisher restart",
      means: `SIGKILL of the publisher, ${restartCount} times; events are counted instead of requests`,
      sent: numbered,
      completed: received,
      migrated: 0,
      typed: 0,
      broken: 0,
      hung: 0,
      lost: Math.max(0, numbered - received),
      doubled: Math.max(0, received - numbered),
      tokenCount: 0,
      recoverySeconds: slowestMs / 1000,
      discoverySeconds: null,
      reasons: [],
    };
  } finally {
    await publisher?.stop("SIGKILL");
    await planes.requestPlane.close();
    await planes.eventPlane.close();
    await planes.discovery.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function startPublisher(folder: string): Promise<StartedProgram> {
  return startProcess({
    command: process.execPath,
    args: [
      ...["--conditions=@dyn/source", "--import", "tsx"],
      ...["packages/e2e/chaos/event-publisher.ts", folder],
    ],
    env: {},
    ready: /publishing as (\d+)/,
  });
}

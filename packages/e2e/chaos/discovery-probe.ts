// Whether discovery works from end to end: a model that is put into it is listed by the frontend.
import type { Discovery } from "@dyn/runtime";
import type { Deployment } from "./deployment.ts";

const timeoutMs = 60_000;
let probeCount = 0;

/** Seconds from the putting to the listing. */
export async function probeDiscovery(
  deployment: Deployment,
  join: () => Promise<Discovery>,
): Promise<number> {
  const begunMs = performance.now();
  const end = begunMs + timeoutMs;
  const member = await untilDone(join, end);
  try {
    const [known] = await untilDone(async () => {
      const records = await member.list("v1/mdc");
      if (records.length === 0) throw new Error("No worker has registered its model.");
      return records;
    }, end);
    if (known?.type !== "model") throw new Error("The bucket of models holds something else.");
    const displayName = `probe-${probeCount++}`;
    const card = { ...known.card, displayName };
    await untilDone(() => member.put({ ...known, instanceId: member.instanceId, card }), end);
    await untilDone(async () => {
      const page = await (await fetch(`${deployment.url}/v1/models`)).text();
      if (!page.includes(`"${displayName}"`)) throw new Error("The frontend does not list it.");
    }, end);
    return (performance.now() - begunMs) / 1000;
  } finally {
    await member.close();
  }
}

async function untilDone<T>(work: () => Promise<T>, endMs: number): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

// A bidirectional endpoint of real Dynamo 1.6.1, served by its Python bindings and called by our client. The bindings
// have no client for one, so that our serving side is checked by the conformance suite alone.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPlanes, DistributedRuntime } from "@dyn/runtime";
import { afterAll, expect, test } from "vitest";
import { DynamoPeer } from "./dynamo-peer.ts";

const peer = DynamoPeer.prepare();
const folder = mkdtempSync(join(tmpdir(), "dyn-interop-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const script = `
import asyncio
from dynamo.runtime import DistributedRuntime, dynamo_worker

@dynamo_worker()
async def main(runtime: DistributedRuntime):
    async def talk(items, context):
        count = 0
        async for item in items:
            count += 1
            yield {"echo": item, "count": count}
        yield {"end": count}
    await runtime.endpoint("interop.peer.talk").serve_bidirectional_endpoint(talk)

asyncio.run(main())
`;

test.skipIf(peer === null).each(["msgpack", "json"])(
  "items go both ways, written as %s",
  async (codec) => {
    const fileKv = join(folder, codec);
    const worker = await peer!.startScript(
      {
        flags: [],
        env: {
          DYN_DISCOVERY_BACKEND: "file",
          DYN_FILE_KV: fileKv,
          DYN_REQUEST_PLANE_CODEC: codec,
        },
      },
      script,
    );
    const runtime = new DistributedRuntime(
      await createPlanes({ discoveryBackend: "file", fileKv }),
    );
    try {
      const client = runtime.endpoint("dyn://interop.peer.talk").createClient();
      await client.waitForInstances({ signal: AbortSignal.timeout(30_000) });
      const answered: unknown[] = [];
      let wake = () => {};
      const items = async function* () {
        for (let i = 0; i < 5; i++) {
          while (answered.length < i) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          yield { text: `item ${i}`, i };
        }
      };
      for await (const { data } of client.exchange(items())) {
        answered.push(data);
        wake();
      }
      expect(answered).toEqual([
        ...[0, 1, 2, 3, 4].map((i) => ({ echo: { text: `item ${i}`, i }, count: i + 1 })),
        { end: 5 },
      ]);
      await client.close();
    } finally {
      await runtime.close();
      await worker.stop("SIGKILL");
    }
  },
  60_000,
);

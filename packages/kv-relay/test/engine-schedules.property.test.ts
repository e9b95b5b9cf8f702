// Random schedules on an engine that evicts all the time: afterwards the relay knows exactly what the engine holds.
import {
  createGenerateRequest,
  createMockEngine,
  type Engine,
  type GenerateRequest,
  type KvEvent,
  startMockEngine,
} from "@dyn/engine";
import {
  createKvEventPublisher,
  decodeRouterEvents,
  type KvEventPublisher,
  type KvEventsConfig,
  parseKvEventsConfig,
} from "@dyn/kv-events";
import { createZmqRelay, KvRelay } from "@dyn/kv-relay";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { contentOf, HeldBlocks } from "./oracle/held-blocks.ts";

const endpoint = "dyn://ns.backend.generate";
const scope = { namespace: "ns", component: "backend", endpoint: "generate" };

const request = fc.record({
  base: fc.integer({ min: 0, max: 3 }),
  shared: fc.integer({ min: 0, max: 60 }),
  tail: fc.array(fc.integer({ min: 6, max: 90 }), { minLength: 1, maxLength: 20 }),
  maxNewTokens: fc.integer({ min: 1, max: 12 }),
  cacheSalt: fc.constantFrom(null, null, "salt"),
  isAborted: fc.boolean(),
});
const schedules = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ together: fc.array(request, { minLength: 1, maxLength: 5 }) }),
    },
    { weight: 1, arbitrary: fc.constant("flush" as const) },
  ),
  { minLength: 1, maxLength: 12 },
);
type Schedule = typeof schedules extends fc.Arbitrary<infer T> ? T : never;

const settings = { vocabSize: 97, contextLength: 128, pageSize: 4, pageCount: 40 };

function toRequest(
  shape: typeof request extends fc.Arbitrary<infer T> ? T : never,
): GenerateRequest {
  const { base, shared, tail, maxNewTokens, cacheSalt } = shape;
  const prefix = Array.from({ length: shared }, (_, i) => 6 + ((i * 31 + base * 17) % 90));
  return createGenerateRequest({
    tokenIds: [...prefix, ...tail],
    cacheSalt,
    sampling: { temperature: 0, maxNewTokens },
  });
}

async function run(engine: Engine, schedule: Schedule): Promise<void> {
  for (const step of schedule) {
    if (step === "flush") {
      await engine.flushCache();
      continue;
    }
    await Promise.all(
      step.together.map(async (shape) => {
        for await (const _ of engine.generate(toRequest(shape))) if (shape.isAborted) break;
      }),
    );
  }
  await engine.drain();
}

/** ZeroMQ gives a closed socket's port back a little later. */
async function openPublisher(config: KvEventsConfig): Promise<KvEventPublisher> {
  for (;;) {
    try {
      return await createKvEventPublisher({ config });
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** As the engine itself describes its cache to who listens from now on. */
function describeCache(engine: Engine): Promise<string[]> {
  return new Promise((resolve) => {
    const stop = engine.onKvEvents(({ events }: { readonly events: readonly KvEvent[] }) => {
      const held = new HeldBlocks();
      for (const event of events) held.applyEngine(event);
      resolve(held.content());
      setImmediate(() => stop());
    });
  });
}

test("fed in the process, the local index and the stream of events both equal the cache", async () => {
  await fc.assert(
    fc.asyncProperty(schedules, async (schedule) => {
      const runtime = new DistributedRuntime(createMemHub().createPlanes());
      const subscription = await runtime.planes.eventPlane.subscribe(scope, "kv-events");
      const engine = createMockEngine(settings);
      const relay = await KvRelay.open({ runtime, endpoint, blockSize: 4 });
      engine.onKvEvents((batch) => relay.publish(batch));
      await run(engine, schedule);
      const cache = await describeCache(engine);
      expect(contentOf(relay.dump())).toEqual(cache);
      expect(relay.blockCount).toBe(cache.length);
      expect(relay.counters.orphans).toBe(0);
      const heard = new HeldBlocks();
      subscription.close();
      for await (const { payload } of subscription) {
        for (const event of decodeRouterEvents(payload)) heard.applyRouter(event);
      }
      expect(heard.content()).toEqual(cache);
      await relay.close();
      await engine.close();
      await runtime.close();
    }),
    { numRuns: 60 },
  );
});

test("over sockets from an engine on its own thread, and from its successor on the same port", async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(schedules, schedules), async (lives) => {
      const runtime = new DistributedRuntime(createMemHub().createPlanes());
      let config = parseKvEventsConfig({
        publisher: "zmq",
        endpoint: "tcp://0.0.0.0:*",
        replay_endpoint: "tcp://0.0.0.0:*",
      });
      let relay: Awaited<ReturnType<typeof createZmqRelay>> | null = null;
      for (const schedule of lives) {
        const publisher = await openPublisher(config);
        const { endpoint: source, replayEndpoint: replaySource } = publisher;
        // The next life has the same ports.
        config = {
          ...config,
          endpoint: source!.replace("127.0.0.1", "0.0.0.0"),
          replayEndpoint: replaySource!.replace("127.0.0.1", "0.0.0.0"),
        };
        relay ??= await createZmqRelay({
          runtime,
          endpoint,
          blockSize: 4,
          source: source!,
          replaySource,
        });
        const { engine, worker } = await startMockEngine(settings);
        engine.onKvEvents((batch) => publisher.publish(batch));
        await run(engine, schedule);
        const cache = await describeCache(engine);
        // Batches without events carry sequence numbers: whoever was late sees that something is missing.
        const marks = setInterval(
          () => publisher.publish({ timestamp: Date.now() / 1000, events: [] }),
          20,
        );
        await expect
          .poll(() => contentOf(relay!.relays[0]!.dump()), { interval: 20 })
          .toEqual(cache)
          .finally(() => clearInterval(marks));
        await engine.close();
        await worker.terminate();
        await publisher.close();
      }
      await relay?.close();
      await runtime.close();
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

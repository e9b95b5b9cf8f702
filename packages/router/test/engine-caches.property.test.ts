// Real engines, relays, planes and intake: one event in a hundred is lost, doubled or late, publishers are killed and come
// back, the router starts anew in the middle. Afterwards its index equals the engines' caches, block by block.
import {
  createGenerateRequest,
  createMockEngine,
  type Engine,
  type GenerateRequest,
} from "@dyn/engine";
import { createBlockHasher, KvIndex, type RouterEvent, toRouterEvents } from "@dyn/kv-events";
import { KvRelay } from "@dyn/kv-relay";
import { KvEventIntake } from "@dyn/router";
import {
  createMemHub,
  DistributedRuntime,
  type EventEnvelope,
  type EventPlane,
  type EventSubscription,
  type MemHub,
} from "@dyn/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";

const scope = { namespace: "ns", component: "backend", endpoint: "generate" };
const endpoint = "dyn://ns.backend.generate";
const blockSize = 4;
const hasher = createBlockHasher();

/** A plane on which about one message in a hundred each is lost, comes twice, or comes after the next one. */
class LossyPlane implements EventPlane {
  readonly kind = "lossy";
  readonly #plane: EventPlane;
  readonly #random: () => number;

  constructor(plane: EventPlane, random: () => number) {
    this.#plane = plane;
    this.#random = random;
  }

  createPublisher(...args: Parameters<EventPlane["createPublisher"]>) {
    return this.#plane.createPublisher(...args);
  }

  async subscribe(...args: Parameters<EventPlane["subscribe"]>): Promise<EventSubscription> {
    const subscription = await this.#plane.subscribe(...args);
    const random = this.#random;
    async function* pass(): AsyncGenerator<EventEnvelope> {
      let late: EventEnvelope | null = null;
      for await (const envelope of subscription) {
        const drawn = random();
        if (drawn < 0.01) continue;
        if (drawn < 0.02 && late === null) {
          late = envelope;
          continue;
        }
        yield envelope;
        if (drawn > 0.99) yield envelope;
        if (late !== null) yield late;
        late = null;
      }
    }
    return {
      queuedCount: 0,
      droppedCount: 0,
      missedCount: 0,
      rejectedCount: 0,
      close: () => subscription.close(),
      [Symbol.asyncIterator]: () => pass(),
    };
  }

  close(): Promise<void> {
    return this.#plane.close();
  }
}

interface Worker {
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly relay: KvRelay;
}

/** Everything on `engine`, as its own description has it, or a new one. */
async function startWorker(hub: MemHub, engine?: Engine): Promise<Worker> {
  const runtime = new DistributedRuntime(hub.createPlanes());
  const relay = await KvRelay.open({ runtime, endpoint, blockSize });
  const its =
    engine ?? createMockEngine({ vocabSize: 97, contextLength: 256, pageSize: 4, pageCount: 120 });
  its.onKvEvents((batch) => relay.publish(batch));
  return { runtime, engine: its, relay };
}

function toRequest(requestId: string, base: number, length: number): GenerateRequest {
  return createGenerateRequest({
    requestId,
    tokenIds: Array.from({ length }, (_, i) => 6 + ((i * 31 + base * 17) % 90)),
    sampling: { temperature: 0, maxNewTokens: 4 },
  });
}

/** Every block as "id local-hash below parent", sorted. */
function blocksOf(events: Iterable<Pick<RouterEvent, "data">>): string[] {
  const blocks: string[] = [];
  for (const { data } of events) {
    if (data.type !== "stored") continue;
    let parent = data.parentHash;
    for (const [i, id] of data.blockHashes.entries()) {
      blocks.push(`${id} ${data.tokensHashes[i]} below ${parent}`);
      parent = id;
    }
  }
  return blocks.sort();
}

/** As the engine describes its cache to who listens from now on. */
function cacheOf(engine: Engine): string[] {
  let blocks: string[] = [];
  const stop = engine.onKvEvents((batch) => {
    blocks = blocksOf(
      toRouterEvents({ ...batch, dpRank: 0 }, { workerId: 0n, dpRank: 0, blockSize, hasher }),
    );
  });
  stop();
  return blocks;
}

const step = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      type: fc.constant("ask" as const),
      worker: fc.nat({ max: 2 }),
      prompts: fc.array(
        fc.record({ base: fc.nat({ max: 12 }), length: fc.integer({ min: 5, max: 200 }) }),
        { minLength: 1, maxLength: 8 },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("killPublisher" as const),
      worker: fc.nat({ max: 2 }),
      /** Only what publishes is started anew, or the engine with it. */
      keepsEngine: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restartRouter" as const) }) },
);

const seed = Number(process.env.FC_SEED ?? Date.now() & 0x7fffffff);

test(`the index equals the caches of real engines after any run (seed ${seed})`, async () => {
  const seen = { events: 0, gaps: 0, repeated: 0, evicted: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 40, maxLength: 80 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
      async (steps, draws) => {
        const hub = createMemHub();
        const workers = await Promise.all([0, 1, 2].map(() => startWorker(hub)));
        const planes = hub.createPlanes();
        const lossy = new LossyPlane(planes.eventPlane, () => draws.next().value as number);
        const startRouter = async () => {
          const index = new KvIndex();
          const intake = new KvEventIntake({
            planes: { ...planes, eventPlane: lossy },
            endpoint: scope,
            index,
            onProblem: () => {},
            tailCheckMs: 0,
          });
          await intake.start();
          return { index, intake };
        };
        let router = await startRouter();
        const count = () => {
          for (const { counters } of router.intake.followers) {
            seen.events += counters.appliedEvents;
            seen.gaps += counters.gaps;
            seen.repeated += counters.repeatedEvents;
          }
          seen.evicted += router.index.counters.removedBlocks;
        };
        let asked = 0;
        for (const it of steps) {
          if (it.type === "restartRouter") {
            count();
            await router.intake.close();
            router = await startRouter();
          } else if (it.type === "killPublisher") {
            // Killed: it says nothing more, its records leave as with its lease.
            const { runtime, engine } = workers[it.worker]!;
            await runtime.close();
            if (!it.keepsEngine) await engine.close();
            workers[it.worker] = await startWorker(hub, it.keepsEngine ? engine : undefined);
          } else {
            const { engine } = workers[it.worker]!;
            await Promise.all(
              it.prompts.map(async ({ base, length }) => {
                for await (const _ of engine.generate(toRequest(`${asked++}`, base, length)));
              }),
            );
          }
        }
        for (const { engine } of workers) await engine.drain();
        // The last message may be the one that was lost: then only a question tells.
        await router.intake.settled();
        router.intake.checkTails();
        await router.intake.settled();
        count();
        for (const { runtime, engine } of workers) {
          const workerId = runtime.instanceId;
          expect(blocksOf(router.index.dump(workerId))).toEqual(cacheOf(engine));
        }
        const live = new Set(workers.map(({ runtime }) => runtime.instanceId));
        const known = router.index.workers().filter(({ blockCount }) => blockCount > 0);
        expect(known.every(({ workerId }) => live.has(workerId))).toBe(true);
        await router.intake.close();
        for (const { runtime, engine } of workers) {
          await engine.close();
          await runtime.close();
        }
      },
    ),
    { seed, numRuns: 25 },
  );
  // It was no run in fair weather.
  expect(Math.min(seen.gaps, seen.repeated, seen.evicted)).toBeGreaterThan(0);
});

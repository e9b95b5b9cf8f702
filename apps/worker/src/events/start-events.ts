// What a worker tells unasked, for each of its ranks: its cache, to routers and to whoever listens on the engine's own
// socket, and its load.
import type { WorkerArgs } from "@dyn/args";
import type { Engine, RankedEngine } from "@dyn/engine";
import {
  createKvEventPublisher,
  isBound,
  type KvEventPublisher,
  parseKvEventsConfig,
} from "@dyn/kv-events";
import { createLoadReporter, KvRelay } from "@dyn/kv-relay";
import type { Logger } from "@dyn/logging";
import type { DistributedRuntime } from "@dyn/runtime";

export interface WorkerEvents {
  /** Off the event plane, so that routers forget this worker's blocks. */
  leave(): Promise<void>;
  /** Hands the engine's socket what waits, then closes it: behind the engine's last event. */
  close(): Promise<void>;
}

export interface WorkerEventsOptions {
  readonly args: WorkerArgs;
  readonly runtime: DistributedRuntime;
  readonly engine: RankedEngine;
  readonly endpoint: string;
  readonly logger: Logger;
}

/** Resolves when routers can follow every rank. */
export async function startEvents(options: WorkerEventsOptions): Promise<WorkerEvents> {
  const ranks: WorkerEvents[] = [];
  const leave = async () => void (await Promise.all(ranks.map((rank) => rank.leave())));
  const close = async () => void (await Promise.all(ranks.map((rank) => rank.close())));
  try {
    for (const [dpRank, engine] of options.engine.ranks.entries()) {
      ranks.push(await startRankEvents({ ...options, engine }, dpRank));
    }
  } catch (error) {
    await leave();
    await close();
    throw error;
  }
  return { leave, close };
}

type RankEventsOptions = Omit<WorkerEventsOptions, "engine"> & { readonly engine: Engine };

async function startRankEvents(options: RankEventsOptions, dpRank: number): Promise<WorkerEvents> {
  const { args, runtime, engine, endpoint } = options;
  const load = await createLoadReporter({
    runtime,
    endpoint,
    dpRank,
    read: () => ({ kvUsedBlocks: engine.metrics().pagesUsed }),
  });
  const cache = args.derived.useKvEvents ? await startCacheEvents(options, dpRank) : null;
  return {
    leave: async () => {
      await cache?.relay.close();
      await load.close();
    },
    close: async () => {
      cache?.unsubscribe();
      await cache?.publisher.close();
    },
  };
}

async function startCacheEvents(
  { args, runtime, engine, endpoint, logger }: RankEventsOptions,
  dpRank: number,
) {
  const log = logger.child("kv-events");
  const onProblem = (message: string, error: unknown) =>
    log.warn(message, error === null ? {} : { error: String(error) });
  const config = parseKvEventsConfig(args.values.engine.kvEventsConfig!);
  const publisher: KvEventPublisher = await createKvEventPublisher({
    config,
    dpRank,
    onProblem,
  });
  try {
    // The engine is in this process: routers are told without the way over the socket.
    const relay = await KvRelay.open({
      runtime,
      endpoint,
      dpRank,
      blockSize: engine.info.pageSize,
      onProblem,
    });
    const unsubscribe = engine.onKvEvents((batch) => {
      relay.publish(batch);
      publisher.publish(batch);
    });
    const { endpoint: address, replayEndpoint } = publisher;
    log.info("KV events are published", { endpoint: address, replayEndpoint, dpRank });
    if (address !== null && !isBound(config.endpoint)) {
      log.warn(
        "KV events go to one subscriber that has to listen at this address. For any number of them give the endpoint a wildcard host: tcp://*:PORT.",
        { endpoint: address },
      );
    }
    return { publisher, relay, unsubscribe };
  } catch (error) {
    await publisher.close();
    throw error;
  }
}

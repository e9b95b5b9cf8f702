// An engine in another process: a subscriber and a relay for each of its data-parallel ranks.
import { createKvEventSubscriber, toLocalEndpoint, toRankEndpoint } from "@dyn/kv-events";
import { KvRelay, type KvRelayOptions } from "./kv-relay.ts";

export interface ZmqRelayOptions extends Omit<KvRelayOptions, "dpRank"> {
  /** The engine's `endpoint` of rank 0 as its --kv-events-config says; a wildcard host is this machine. */
  readonly source: string;
  /** The engine's `replay_endpoint`: what is lost on the way is asked for there. Default none. */
  readonly replaySource?: string | null;
  /** Prefix of topics; the default takes all. */
  readonly sourceTopic?: string;
  /** Bind and let the engine connect, as SGLang does with an address without a wildcard. Default false. */
  readonly bind?: boolean;
  /** Ranks whose engine runs here; port or name of each follow from `source`. Default [0]. */
  readonly dpRanks?: readonly number[];
}

export interface ZmqRelay extends AsyncDisposable {
  /** In the order of `dpRanks`. */
  readonly relays: readonly KvRelay[];
  close(): Promise<void>;
}

/** Resolves when every rank is announced; an engine that is not up yet is waited for. */
export async function createZmqRelay(options: ZmqRelayOptions): Promise<ZmqRelay> {
  const { dpRanks = [0], ...rest } = options;
  const relays: KvRelay[] = [];
  const close = async () => {
    await Promise.all(relays.map((relay) => relay.close()));
  };
  try {
    for (const dpRank of dpRanks) relays.push(await openRank(rest, dpRank));
  } catch (error) {
    await close();
    throw error;
  }
  return { relays, close, [Symbol.asyncDispose]: close };
}

async function openRank(options: Omit<ZmqRelayOptions, "dpRanks">, dpRank: number) {
  const { source, replaySource = null, sourceTopic, bind = false, onProblem, ...rest } = options;
  const endpoint = toRankEndpoint(source, dpRank);
  const subscriber = await createKvEventSubscriber({
    endpoint: bind ? endpoint : toLocalEndpoint(endpoint),
    bind,
    replayEndpoint:
      replaySource === null ? null : toLocalEndpoint(toRankEndpoint(replaySource, dpRank)),
    ...(sourceTopic === undefined ? {} : { topic: sourceTopic }),
    ...(onProblem === undefined ? {} : { onProblem }),
  });
  const relay = await KvRelay.open({
    ...rest,
    dpRank,
    ...(onProblem === undefined ? {} : { onProblem }),
  }).catch((error) => {
    subscriber.close();
    throw error;
  });
  relay.follow(subscriber).catch((error) => {
    onProblem?.(`KV events from ${endpoint} are not followed any more.`, error);
  });
  return relay;
}

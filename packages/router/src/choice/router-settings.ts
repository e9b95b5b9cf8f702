import { InvalidArgumentError } from "@dyn/protocol";
import {
  type CostSettings,
  checkCostSettings,
  defaultCostSettings,
} from "../cost/cost-settings.ts";
import type { TwoTierSettings } from "../cost/pick-two-tier.ts";
import { type BusyThresholds, checkBusyThresholds, noThresholds } from "../load/busy-thresholds.ts";
import { checkProfile, type Profile } from "../policy/profile.ts";
import type { QueueClasses } from "../queue/queue-classes.ts";
import type { QueueSettings } from "../queue/request-queue.ts";
import type { SessionSettings } from "../session/session-bindings.ts";

/** How a KV router decides. */
export interface RouterSettings {
  readonly cost: CostSettings;
  /** `cost`: the cheapest. `twoTier`: balance first, then a good prefix, then the least loaded. `profile`: as it says. */
  readonly selection:
    | { readonly type: "cost" }
    | { readonly type: "twoTier"; readonly settings: TwoTierSettings }
    | { readonly type: "profile"; readonly profile: Profile };
  /** Ask another process's index (`kv_indexer_query`) instead of following events. */
  readonly useRemoteIndexer: boolean;
  /** Offer this process's index to others. */
  readonly serveIndexer: boolean;
  /** Off: what workers have cached is guessed from what they were sent. */
  readonly useKvEvents: boolean;
  /** How long such a guess holds; `null`: until there is no room (least recently used first). */
  readonly approximateTtlMs: number | null;
  /** With events: how long a prompt counts as cached from its routing on, until its events come. `null`: not at all. */
  readonly predictedTtlMs: number | null;
  readonly assumeKvReuse: boolean;
  readonly trackOutputBlocks: boolean;
  /** Tell other routers of the endpoint what was sent where. */
  readonly replicaSync: boolean;
  /**
   * No rank gets a request that would bring it above this many times the mean of running requests (and above 8), whatever
   * it has cached. `null`: no bound.
   */
  readonly imbalanceBound: number | null;
  readonly thresholds: BusyThresholds;
  /** `null`: nobody waits here. One line for everybody, or one for each class. */
  readonly queue: QueueSettings | QueueClasses | null;
  /** Instead of `queue`, for the models that are named. */
  readonly queueOfModel: ReadonlyMap<string, QueueClasses | null>;
  readonly sessions: SessionSettings | null;
  /** Bound of the index of events, or of guesses where there are no events; a quarter of it for guesses beside events. */
  readonly indexBytes: number;
  /** Workers to wait for before the first request is routed. */
  readonly minInitialWorkers: number;
}

/** How a router decides that is not told otherwise. */
export const defaultRouterSettings: RouterSettings = Object.freeze<RouterSettings>({
  cost: defaultCostSettings,
  selection: { type: "cost" },
  useRemoteIndexer: false,
  serveIndexer: false,
  useKvEvents: true,
  approximateTtlMs: 120_000,
  predictedTtlMs: null,
  assumeKvReuse: true,
  trackOutputBlocks: false,
  replicaSync: false,
  imbalanceBound: 2,
  thresholds: noThresholds,
  queue: null,
  queueOfModel: new Map(),
  sessions: null,
  indexBytes: 2 ** 30,
  minInitialWorkers: 0,
});

/** With the defaults for what is left out. Throws an InvalidArgumentError that names the setting. */
export function completeRouterSettings(settings: Partial<RouterSettings>): RouterSettings {
  const complete = { ...defaultRouterSettings, ...settings };
  if (complete.selection.type === "profile") checkProfile(complete.selection.profile);
  else checkCostSettings(complete.cost);
  checkBusyThresholds(complete.thresholds);
  if (complete.useRemoteIndexer && !complete.useKvEvents) {
    throw new InvalidArgumentError(
      "A remote indexer and guesses without events exclude each other. Leave out use-remote-indexer or no-router-kv-events.",
      { param: "use-remote-indexer" },
    );
  }
  if (complete.serveIndexer && (complete.useRemoteIndexer || !complete.useKvEvents)) {
    throw new InvalidArgumentError(
      "A process without an index of its own has none to offer. Leave out serve-indexer, or keep KV events and no remote indexer.",
      { param: "serve-indexer" },
    );
  }
  const { imbalanceBound } = complete;
  if (imbalanceBound !== null && !(imbalanceBound >= 1)) {
    throw new InvalidArgumentError(
      `The router's imbalanceBound is ${imbalanceBound}; give a number from 1 on, or null.`,
      { param: "imbalanceBound" },
    );
  }
  return complete;
}

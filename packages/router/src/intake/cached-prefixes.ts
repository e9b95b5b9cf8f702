// Who has how much of a prompt: by what workers tell (their events), by what they were sent (guesses), or by both.
import { ApproximateIndex, type BlockHashes, KvIndex, type WorkerOverlap } from "@dyn/kv-events";
import type { EndpointId, Planes } from "@dyn/runtime";
import type { RouterSettings } from "../choice/router-settings.ts";
import type { CachedBlocks } from "../cost/worker-cost.ts";
import { RemoteIndex } from "../indexer/remote-index.ts";
import { type RankId, rankKey } from "../load/active-requests.ts";
import { KvEventIntake, type KvEventIntakeOptions } from "./kv-event-intake.ts";

export interface CachedPrefixesOptions {
  readonly planes: Planes;
  readonly endpoint: EndpointId;
  readonly model: string;
  readonly settings: RouterSettings;
  readonly now: () => number;
  readonly onApplied: NonNullable<KvEventIntakeOptions["onApplied"]>;
  readonly onProblem: KvEventIntakeOptions["onProblem"];
}

export class CachedPrefixes {
  readonly index: KvIndex;
  /** `null`: events are not used. */
  readonly intake: KvEventIntake | null;
  /** `null`: the index is here. */
  readonly remote: RemoteIndex | null;
  /** Of what was sent; `null`: events alone are believed. */
  readonly guesses: ApproximateIndex | null;

  constructor({
    planes,
    endpoint,
    model,
    settings,
    now,
    onApplied,
    onProblem,
  }: CachedPrefixesOptions) {
    this.index = new KvIndex({ maxBytes: settings.indexBytes });
    const follows = settings.useKvEvents && !settings.useRemoteIndexer;
    this.intake = follows
      ? new KvEventIntake({ planes, endpoint, index: this.index, onProblem, onApplied })
      : null;
    this.remote = settings.useRemoteIndexer
      ? new RemoteIndex({ planes, endpoint, model, onProblem })
      : null;
    const ttlMs = settings.useKvEvents ? settings.predictedTtlMs : settings.approximateTtlMs;
    const maxBytes = settings.useKvEvents ? settings.indexBytes / 4 : settings.indexBytes;
    this.guesses =
      settings.useKvEvents && ttlMs === null
        ? null
        : new ApproximateIndex({ ttlMs, now, maxBytes });
  }

  async start(): Promise<void> {
    await this.intake?.start();
  }

  /**
   * By `rankKey`: who has any of it. Where events and guesses differ, the longer prefix counts. `told`: what a remote index
   * answered.
   */
  find(
    { sequenceHashes }: BlockHashes,
    told: readonly WorkerOverlap[] = [],
  ): Map<string, CachedBlocks> {
    const found = new Map<string, CachedBlocks>();
    const add = (overlaps: readonly WorkerOverlap[]) => {
      for (const overlap of overlaps) {
        const key = rankKey(overlap);
        const before = found.get(key);
        const isMore = before === undefined || overlap.deviceBlocks > before.deviceBlocks;
        if (isMore) found.set(key, overlap);
      }
    };
    add(told);
    if (this.intake !== null) add(this.index.findMatches(sequenceHashes));
    if (this.guesses !== null) add(this.guesses.findMatches(sequenceHashes));
    return found;
  }

  /** The prompt was sent there. */
  recordDecision({ workerId, dpRank }: RankId, hashes: BlockHashes): void {
    this.guesses?.recordDecision(workerId, dpRank, hashes);
  }

  /** Events of a worker end with its source; guesses end here. */
  removeWorker(workerId: bigint): void {
    this.guesses?.removeWorker(workerId);
  }

  async close(): Promise<void> {
    await this.intake?.close();
    await this.remote?.close();
  }
}

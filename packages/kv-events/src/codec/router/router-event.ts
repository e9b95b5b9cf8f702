import type { BlockMedia } from "../media-object.ts";
import type { StorageTier } from "../storage-tier.ts";

/** A worker's cache event as the event plane, dumps and recovery carry it. */
export interface RouterEvent {
  /** u64 */
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly storageTier: StorageTier;
  /** From 1 per publisher, without gaps; in dumps from 0. */
  readonly eventId: number;
  readonly data: StoredData | RemovedData | ClearedData;
  /** Whose block it is: a worker's unless a state agent says otherwise. */
  readonly residencyDomain?: "worker" | "cache_owner";
  readonly sessionId?: string | null;
}

export interface StoredData {
  readonly type: "stored";
  /** Engine id of the block before the first one; `null` at the root. */
  readonly parentHash: bigint | null;
  /** [blockCount] engine ids, opaque. */
  readonly blockHashes: BigUint64Array;
  /** [blockCount] local hashes. */
  readonly tokensHashes: BigUint64Array;
  readonly media?: BlockMedia | null;
  readonly startPosition?: number | null;
}

export interface RemovedData {
  readonly type: "removed";
  /** [blockCount] engine ids. */
  readonly blockHashes: BigUint64Array;
}

export interface ClearedData {
  readonly type: "cleared";
}

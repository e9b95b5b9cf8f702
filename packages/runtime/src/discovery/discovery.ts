import type { Bucket, DiscoveryRecord } from "./record.ts";

export type DiscoveryEvent =
  /** Added, or replaced under the same key. */
  | { readonly type: "put"; readonly key: string; readonly record: DiscoveryRecord }
  /** `isExpired`: its process did not take it away, but has not kept it alive. */
  | { readonly type: "delete"; readonly key: string; readonly isExpired: boolean }
  /** All that was there when the watch began (or resumed) has been told. */
  | { readonly type: "synced" };

/**
 * Who is there. A driver keeps the records of this process alive and tells of everybody's.
 *
 * Invariants:
 * - a record lives as long as the process that put it, and no longer than its lease after a crash;
 * - a watch tells the present state first, then `synced`, then each change in order; a driver that
 *   lost its connection tells the difference, then `synced` again;
 * - a prefix ends at a slash: `foo` never matches `foobar/...`.
 */
export interface Discovery {
  readonly kind: string;
  /** u64 under which this process's records stand. */
  readonly instanceId: bigint;
  /** Throws UnavailableError when the store does not take it: the record is not there then. */
  put(record: DiscoveryRecord): Promise<void>;
  /** Takes an own record away. Never rejects: what a store that is away keeps goes when it is back, or with the lease. */
  delete(key: string): Promise<void>;
  list(bucket: Bucket, prefix?: string): Promise<DiscoveryRecord[]>;
  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent>;
  /** JSON: what this process has told of itself, as others read it. Only where the store keeps it in one piece. */
  ownMetadata?(): string;
  /** Takes this process's records away. Idempotent. */
  close(): Promise<void>;
}

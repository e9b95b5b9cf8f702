// Discovery in etcd. All records of a process hang on one lease; a lease that is lost is replaced and everything is
// put again, without a restart. Keys and values are Dynamo 1.6.1's, and the instance id is the first lease's id.
import { UnavailableError } from "@dyn/protocol";
import type { Etcd3, Lease, Watcher } from "etcd3";
import type { Discovery, DiscoveryEvent } from "./discovery.ts";
import { createEtcdClient, type EtcdConnectionOptions, watchAlone } from "./etcd-client.ts";
import { EtcdWatch } from "./etcd-watch.ts";
import { pause } from "./pause.ts";
import { type Bucket, bucketPrefix, type DiscoveryRecord } from "./record.ts";
import { decodeRecord, encodeRecord, type StoredRecord } from "./record-codec.ts";
import { WatchChannel } from "./watch-channel.ts";

export interface EtcdDiscoveryOptions extends EtcdConnectionOptions {
  /** Seconds until the records of a dead process vanish. Default 30. */
  readonly leaseTtlSeconds?: number | undefined;
  readonly onProblem?: (message: string, error: unknown) => void;
}

const firstRetryMs = 200;
const longestRetryMs = 2_000;
/** A heartbeat that fails is tried again every 100 ms; so often it is told of. */
const heartbeatReportMs = 10_000;

export class EtcdDiscovery implements Discovery {
  readonly kind = "etcd";
  readonly instanceId: bigint;
  readonly #client: Etcd3;
  readonly #ttlSeconds: number;
  readonly #onProblem: (message: string, error: unknown) => void;
  /** Stored text by key: what has to be there while this process lives. */
  readonly #own = new Map<string, string>();
  /** One for each own key: tells when somebody took it away. */
  readonly #guards = new Map<string, Watcher>();
  /** Keys that could not be deleted yet. */
  readonly #unwanted = new Set<string>();
  readonly #end = new AbortController();
  #lease: Lease;
  #epoch = 1;
  #recovering: Promise<void> | null = null;
  #heartbeatReportedMs = Number.NEGATIVE_INFINITY;

  private constructor(client: Etcd3, lease: Lease, leaseId: string, options: EtcdDiscoveryOptions) {
    this.#client = client;
    this.#lease = lease;
    this.instanceId = BigInt(leaseId);
    this.#ttlSeconds = options.leaseTtlSeconds ?? 30;
    this.#onProblem = options.onProblem ?? (() => {});
    this.#follow(lease);
  }

  /** Throws UnavailableError when no endpoint answers in time. */
  static async connect(options: EtcdDiscoveryOptions): Promise<EtcdDiscovery> {
    const client = await createEtcdClient(options);
    const lease = client.lease(options.leaseTtlSeconds ?? 30);
    lease.on("lost", ignoreUntilFollowed);
    try {
      const leaseId = await lease.grant();
      lease.removeListener("lost", ignoreUntilFollowed);
      return new EtcdDiscovery(client, lease, leaseId, options);
    } catch (cause) {
      lease.release();
      client.close();
      const where = options.endpoints.join(", ");
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UnavailableError(
        `etcd at ${where} does not answer (${why}). Start it, set ETCD_ENDPOINTS and the ETCD_AUTH_ variables, or give --discovery-backend file for one machine.`,
        { code: "DYN_DISCOVERY_UNREACHABLE", cause },
      );
    }
  }

  /** One more with each lease: how often this process had to register anew. */
  get epoch(): number {
    return this.#epoch;
  }

  async put(record: DiscoveryRecord): Promise<void> {
    const { key, value } = encodeRecord(record);
    this.#unwanted.delete(key);
    try {
      await this.#write(key, value);
    } catch (error) {
      // Whether it was written is not known.
      this.#unwanted.add(key);
      throw error;
    }
    this.#own.set(key, value);
    this.#guard(key);
  }

  async delete(key: string): Promise<void> {
    if (!this.#own.delete(key)) return;
    this.#unguard(key);
    this.#unwanted.add(key);
    await this.#deleteUnwanted();
  }

  async list(bucket: Bucket, prefix = ""): Promise<DiscoveryRecord[]> {
    const { stored } = await this.#read(bucketPrefix(bucket, prefix));
    return stored.flatMap((entry) => this.#decode(bucket, entry) ?? []);
  }

  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent> {
    const channel = new WatchChannel();
    const signal = AbortSignal.any([options.signal, this.#end.signal]);
    const watch = new EtcdWatch({
      client: this.#client,
      prefix: bucketPrefix(bucket, options.prefix ?? ""),
      channel,
      signal,
      read: (prefix) => this.#read(prefix),
      isLeaseOver: (leaseId) => this.#isLeaseOver(leaseId),
      decode: (entry) => this.#decode(bucket, entry),
      onProblem: this.#onProblem,
    });
    // A server that hangs does not keep the reader.
    signal.addEventListener("abort", () => channel.close(), { once: true });
    void watch.run().finally(() => channel.close());
    return channel;
  }

  async #isLeaseOver(leaseId: string): Promise<boolean> {
    try {
      const { TTL: secondsLeft } = await this.#client.leaseClient.leaseTimeToLive({ ID: leaseId });
      return Number(secondsLeft) < 0;
    } catch (error) {
      if (!this.#end.signal.aborted)
        this.#onProblem(
          "etcd does not say whether a lease is over; it is taken as one that is not.",
          error,
        );
      return false;
    }
  }

  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    await this.#recovering;
    for (const key of [...this.#guards.keys()]) this.#unguard(key);
    try {
      await this.#lease.revoke();
    } catch (error) {
      this.#onProblem(
        "The etcd lease could not be revoked; its records vanish when it expires.",
        error,
      );
    }
    this.#client.close();
  }

  #decode(bucket: Bucket, entry: StoredRecord): DiscoveryRecord | null {
    try {
      return decodeRecord(bucket, entry);
    } catch (error) {
      this.#onProblem(`The etcd record ${entry.key} cannot be used.`, error);
      return null;
    }
  }

  async #read(prefix: string): Promise<{ stored: StoredRecord[]; revision: string }> {
    const answer = await this.#attempt(`${prefix} cannot be read`, () =>
      this.#client.getAll().prefix(prefix).exec(),
    );
    return {
      stored: answer.kvs.map(({ key, value }) => ({
        key: key.toString(),
        value: value.toString(),
      })),
      revision: answer.header.revision,
    };
  }

  async #attempt<Result>(what: string, call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UnavailableError(`etcd: ${what} (${why}).`, {
        code: "DYN_DISCOVERY_UNREACHABLE",
        cause,
      });
    }
  }

  /** A lease that turns out to be lost is waited for once. */
  async #write(key: string, value: string): Promise<void> {
    await this.#recovering;
    const put = () => this.#lease.put(key).value(value).exec();
    try {
      await put();
    } catch {
      await this.#recovering;
      await this.#attempt(`${key} cannot be written`, put);
    }
  }

  /** What stays is told of, and goes with the next lease or the next deletion. */
  async #deleteUnwanted(): Promise<void> {
    for (const key of this.#unwanted) {
      try {
        await this.#client.delete().key(key).exec();
        // Put again meanwhile it would be gone now, and its guard puts it back.
        this.#unwanted.delete(key);
      } catch (error) {
        this.#onProblem(`${key} stays in etcd for now: it could not be deleted.`, error);
        return;
      }
    }
  }

  #guard(key: string): void {
    if (this.#guards.has(key) || this.#end.signal.aborted) return;
    const watcher = watchAlone(this.#client).key(key).watcher();
    this.#guards.set(key, watcher);
    watcher.on("delete", () => void this.#restore(key));
    const again = () => void this.#guardAgain(key, watcher);
    watcher.on("error", again);
    watcher.on("disconnected", () => {
      void watcher.cancel();
      again();
    });
  }

  /** What happened since is not known: it is written once more, and watched from there. */
  async #guardAgain(key: string, watcher: Watcher): Promise<void> {
    if (this.#guards.get(key) !== watcher) return;
    this.#guards.delete(key);
    const { signal } = this.#end;
    do await pause(longestRetryMs, signal);
    while (!signal.aborted && this.#own.has(key) && !(await this.#restore(key)));
    if (this.#own.has(key)) this.#guard(key);
  }

  #unguard(key: string): void {
    const guard = this.#guards.get(key);
    this.#guards.delete(key);
    guard?.cancel().catch((error: unknown) => {
      if (!this.#end.signal.aborted)
        this.#onProblem("An etcd watch could not be cancelled.", error);
    });
  }

  /** Under the lease as it is; a lease that is gone is noticed by that. */
  async #restore(key: string): Promise<boolean> {
    await this.#recovering;
    const value = this.#own.get(key);
    if (value === undefined || this.#end.signal.aborted) return true;
    try {
      await this.#lease.put(key).value(value).exec();
      return true;
    } catch (error) {
      // A lost lease has told so itself, and everything is put again with the next one.
      this.#onProblem(`${key} could not be put back into etcd yet.`, error);
      return false;
    }
  }

  #follow(lease: Lease): void {
    lease.on("lost", (error) => {
      if (this.#lease !== lease || this.#end.signal.aborted) return;
      this.#recovering ??= this.#recover(error).finally(() => {
        this.#recovering = null;
      });
    });
    lease.on("keepaliveFailed", (error) => this.#heartbeatFailed(lease, error));
    lease.on("keepaliveSucceeded", () => {
      if (this.#unwanted.size > 0) void this.#deleteUnwanted();
    });
  }

  #heartbeatFailed(lease: Lease, error: unknown): void {
    if (this.#lease !== lease || this.#end.signal.aborted) return;
    if (performance.now() - this.#heartbeatReportedMs < heartbeatReportMs) return;
    this.#heartbeatReportedMs = performance.now();
    this.#onProblem("etcd does not take the heartbeat of this process; it is tried again.", error);
  }

  /** A new lease, and all own records under it, however long it takes. */
  async #recover(reason: unknown): Promise<void> {
    this.#onProblem("The etcd lease was lost; this process registers again.", reason);
    const { signal } = this.#end;
    for (
      let pauseMs = firstRetryMs;
      !signal.aborted;
      pauseMs = Math.min(pauseMs * 2, longestRetryMs)
    ) {
      const lease = this.#client.lease(this.#ttlSeconds);
      lease.on("lost", ignoreUntilFollowed);
      try {
        await lease.grant();
        for (const [key, value] of this.#own) await lease.put(key).value(value).exec();
        lease.removeListener("lost", ignoreUntilFollowed);
        this.#lease.release();
        this.#lease = lease;
        this.#epoch += 1;
        this.#follow(lease);
        return;
      } catch (error) {
        lease.release();
        this.#onProblem("Registering again with etcd failed; it is tried again.", error);
        await pause(pauseMs, signal);
      }
    }
  }
}

/** A lease that nobody relies on yet fails through its promise; without a listener its event would throw. */
function ignoreUntilFollowed(): void {}

// Discovery in etcd. All records of a process hang on one lease; a lease that is lost is replaced and everything is
// put again, without a restart. Keys and values are Dynamo 1.6.1's, and the instance id is the first lease's id.

import { UnavailableError } from "@dyn/protocol";
import type { IPolicy } from "cockatiel";
import type { Etcd3, IOptions, Lease, Watcher } from "etcd3";
import { Channel } from "../channel/channel.ts";
import type { Discovery, DiscoveryEvent } from "./discovery.ts";
import { pause } from "./pause.ts";
import type { Bucket, DiscoveryRecord } from "./record.ts";
import { decodeRecord, encodeRecord, type StoredRecord } from "./record-codec.ts";

export interface EtcdDiscoveryOptions {
  readonly endpoints: readonly string[];
  /** Seconds until the records of a dead process vanish. Default 30. */
  readonly leaseTtlSeconds?: number | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts. */
  readonly tls?: {
    readonly rootCertificate?: Buffer;
    readonly certificate?: Buffer;
    readonly privateKey?: Buffer;
  };
  /** Bound of every call. Default 5 000 ms. */
  readonly callTimeoutMs?: number;
  readonly onProblem?: (message: string, error: unknown) => void;
}

const watchCapacity = 1_000_000;
const firstRetryMs = 200;
const longestRetryMs = 5_000;

export class EtcdDiscovery implements Discovery {
  readonly kind = "etcd";
  readonly #client: Etcd3;
  readonly #ttlSeconds: number;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #own = new Map<string, DiscoveryRecord>();
  readonly #end = new AbortController();
  #lease: Lease;
  /** One more with each lease: how often this process had to register anew. */
  #epoch = 1;
  #recovering: Promise<void> | null = null;
  readonly instanceId: bigint;

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
    // Only here: their gRPC takes 26 MB of a process, which others than etcd's need not have.
    const [{ Etcd3 }, { noop }] = await Promise.all([import("etcd3"), import("cockatiel")]);
    const client = new Etcd3(clientOptions(options, noop));
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
      throw new UnavailableError(
        `etcd at ${where} does not answer. Start it, set ETCD_ENDPOINTS, or give --discovery-backend file for one machine.`,
        { code: "DYN_DISCOVERY_UNREACHABLE", cause },
      );
    }
  }

  get epoch(): number {
    return this.#epoch;
  }

  async put(record: DiscoveryRecord): Promise<void> {
    const { key, value } = encodeRecord(record);
    this.#own.set(key, record);
    await this.#recovering;
    await this.#attempt(`${key} cannot be written`, () => this.#lease.put(key).value(value).exec());
  }

  async delete(key: string): Promise<void> {
    this.#own.delete(key);
    await this.#attempt(`${key} cannot be deleted`, () => this.#client.delete().key(key).exec());
  }

  async list(bucket: Bucket, prefix = ""): Promise<DiscoveryRecord[]> {
    const { stored } = await this.#read(joinPrefix(bucket, prefix));
    return stored.flatMap((entry) => this.#decode(bucket, entry) ?? []);
  }

  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent> {
    const channel = new Channel<DiscoveryEvent>({ capacity: watchCapacity });
    const signal = AbortSignal.any([options.signal, this.#end.signal]);
    const prefix = joinPrefix(bucket, options.prefix ?? "");
    void this.#watchOn(bucket, prefix, channel, signal).then(
      () => channel.close(),
      (error) => channel.close(error),
    );
    return channel;
  }

  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    await this.#recovering;
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

  /** Snapshot, then changes from its revision on; whatever breaks begins again and tells the difference. */
  async #watchOn(
    bucket: Bucket,
    prefix: string,
    channel: Channel<DiscoveryEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    const known = new Map<string, string>();
    for (let pauseMs = firstRetryMs; !signal.aborted; ) {
      try {
        const { stored, revision } = await this.#read(prefix);
        const present = new Set(stored.map(({ key }) => key));
        for (const key of [...known.keys()])
          if (!present.has(key)) this.#tellDelete(known, key, channel);
        for (const entry of stored) this.#tellPut(bucket, known, entry, channel);
        channel.push({ type: "synced" });
        pauseMs = firstRetryMs;
        await this.#followChanges(bucket, prefix, revision, known, channel, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#onProblem(`The etcd watch of ${prefix} broke and begins again.`, error);
        await pause(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, longestRetryMs);
      }
    }
  }

  /** Resolves when the signal ends it; rejects when the watch was cancelled (compaction). */
  async #followChanges(
    bucket: Bucket,
    prefix: string,
    revision: string,
    known: Map<string, string>,
    channel: Channel<DiscoveryEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    const watcher: Watcher = this.#client
      .watch()
      .prefix(prefix)
      .startRevision((BigInt(revision) + 1n).toString())
      .watcher();
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => resolve(), { once: true });
        watcher.on("put", ({ key, value }) => {
          this.#tellPut(bucket, known, { key: key.toString(), value: value.toString() }, channel);
        });
        watcher.on("delete", ({ key }) => this.#tellDelete(known, key.toString(), channel));
        watcher.on("error", reject);
      });
    } finally {
      await watcher.cancel().catch((error: unknown) => {
        if (!signal.aborted) this.#onProblem("An etcd watch could not be cancelled.", error);
      });
    }
  }

  #tellPut(
    bucket: Bucket,
    known: Map<string, string>,
    entry: StoredRecord,
    channel: Channel<DiscoveryEvent>,
  ): void {
    if (known.get(entry.key) === entry.value) return;
    const record = this.#decode(bucket, entry);
    if (record === null) return;
    known.set(entry.key, entry.value);
    channel.push({ type: "put", key: entry.key, record });
  }

  #tellDelete(known: Map<string, string>, key: string, channel: Channel<DiscoveryEvent>): void {
    if (known.delete(key)) channel.push({ type: "delete", key });
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
      throw new UnavailableError(`etcd: ${what}.`, { code: "DYN_DISCOVERY_UNREACHABLE", cause });
    }
  }

  #follow(lease: Lease): void {
    lease.on("lost", (error) => {
      if (this.#lease !== lease || this.#end.signal.aborted) return;
      this.#recovering ??= this.#recover(error).finally(() => {
        this.#recovering = null;
      });
    });
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
        for (const record of this.#own.values()) {
          const { key, value } = encodeRecord(record);
          await lease.put(key).value(value).exec();
        }
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

function clientOptions(options: EtcdDiscoveryOptions, noop: IPolicy): IOptions {
  const { callTimeoutMs = 5_000, tls, username, password } = options;
  return {
    hosts: [...options.endpoints],
    ...(username === undefined ? {} : { auth: { username, password: password ?? "" } }),
    ...(tls === undefined
      ? {}
      : {
          credentials: {
            rootCertificate: tls.rootCertificate ?? Buffer.alloc(0),
            ...(tls.privateKey === undefined ? {} : { privateKey: tls.privateKey }),
            ...(tls.certificate === undefined ? {} : { certChain: tls.certificate }),
          },
        }),
    // etcd3 sets no deadline by itself, and its circuit breaker stays open after the server is back.
    defaultCallOptions: (context) =>
      context.isStream ? {} : { deadline: Date.now() + callTimeoutMs },
    faultHandling: { host: () => noop, global: noop },
  };
}

/** A lease that nobody relies on yet fails through its promise; without a listener its event would throw. */
function ignoreUntilFollowed(): void {}

function joinPrefix(bucket: Bucket, prefix: string): string {
  const joined = prefix === "" ? bucket : `${bucket}/${prefix}`;
  return joined.endsWith("/") ? joined : `${joined}/`;
}

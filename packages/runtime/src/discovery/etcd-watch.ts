// One watch of etcd: a list, then the changes from its revision on. A connection that was lost, or a revision that was
// compacted, begins it again: the difference is told. A revision alone would not do, since a server may come back
// without its data and count from one.
import type { Etcd3, Watcher } from "etcd3";
import { watchAlone } from "./etcd-client.ts";
import { pause } from "./pause.ts";
import type { DiscoveryRecord } from "./record.ts";
import type { StoredRecord } from "./record-codec.ts";
import type { WatchChannel } from "./watch-channel.ts";

export interface EtcdWatchOptions {
  readonly client: Etcd3;
  /** Ends in a slash. */
  readonly prefix: string;
  readonly channel: WatchChannel;
  readonly signal: AbortSignal;
  readonly read: (prefix: string) => Promise<{ stored: StoredRecord[]; revision: string }>;
  /** `null`: it cannot be used, and is left out. */
  readonly decode: (entry: StoredRecord) => DiscoveryRecord | null;
  /** Whether the server has ended the lease of a key that is gone; false when that cannot be told. */
  readonly isLeaseOver: (leaseId: string) => Promise<boolean>;
  readonly onProblem: (message: string, error: unknown) => void;
}

const firstRetryMs = 100;
const longestRetryMs = 2_000;
/**
 * What is missing after a lost connection is told as gone only when it is still missing then: the owners of a server
 * that came back without its data need a moment to register again.
 */
const missingGraceMs = 3_000;

export class EtcdWatch {
  readonly #options: EtcdWatchOptions;
  /** Values that were told, by key. */
  readonly #told = new Map<string, string>();
  /** Keys that a second look did not find. */
  readonly #missing = new Set<string>();
  #missingTimer: NodeJS.Timeout | null = null;
  /** Changes that are told one after the other: of a deletion it is asked why. */
  #telling: Promise<void> = Promise.resolve();

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
  }

  /** Resolves when the signal ends it; never rejects. */
  async run(): Promise<void> {
    const { signal, prefix, onProblem, channel, read } = this.#options;
    signal.addEventListener("abort", () => this.#stopWaiting(), { once: true });
    for (let pauseMs = firstRetryMs; !signal.aborted; ) {
      try {
        const { stored, revision } = await read(prefix);
        await this.#telling;
        if (signal.aborted) return;
        this.#tellDifference(stored);
        channel.push({ type: "synced" });
        pauseMs = firstRetryMs;
        await this.#follow(revision);
      } catch (error) {
        if (signal.aborted) return;
        onProblem(`The etcd watch of ${prefix} broke and begins again.`, error);
        await pause(pauseMs, signal);
        pauseMs = Math.min(pauseMs * 2, longestRetryMs);
      }
    }
  }

  /** Resolves when the signal ends it; rejects when the connection is lost or the server gives it up. */
  async #follow(revision: string): Promise<void> {
    const { client, prefix, signal, isLeaseOver, onProblem } = this.#options;
    const watcher: Watcher = watchAlone(client)
      .prefix(prefix)
      .withPreviousKV()
      .startRevision((BigInt(revision) + 1n).toString())
      .watcher();
    let isGone = false;
    let stop = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        stop = resolve;
        signal.addEventListener("abort", stop, { once: true });
        watcher.on("put", ({ key, value }) => {
          const entry = { key: key.toString(), value: value.toString() };
          this.#inOrder(() => this.#tellPut(entry));
        });
        watcher.on("delete", ({ key }, previous) => {
          const leaseId = previous?.lease ?? "0";
          this.#inOrder(async () => {
            const isExpired = leaseId !== "0" && (await isLeaseOver(leaseId));
            this.#tellDelete(key.toString(), isExpired);
          });
        });
        watcher.on("error", (error) => {
          isGone = true;
          reject(error);
        });
        watcher.on("disconnected", (error: unknown) => {
          reject(error ?? new Error("The connection was lost."));
        });
      });
    } finally {
      signal.removeEventListener("abort", stop);
      // The server has cancelled one that failed; to cancel it again would wait for ever.
      if (!isGone) {
        watcher.cancel().catch((error: unknown) => {
          if (!signal.aborted) onProblem("An etcd watch could not be cancelled.", error);
        });
      }
    }
  }

  #inOrder(tell: () => void | Promise<void>): void {
    this.#telling = this.#telling.then(tell);
  }

  #tellDifference(stored: readonly StoredRecord[]): void {
    const present = new Set(stored.map(({ key }) => key));
    for (const entry of stored) this.#tellPut(entry);
    this.#stopWaiting();
    for (const key of this.#told.keys()) if (!present.has(key)) this.#missing.add(key);
    if (this.#missing.size === 0) return;
    this.#missingTimer = setTimeout(() => {
      for (const key of this.#missing) this.#tellDelete(key, false);
    }, missingGraceMs);
    this.#missingTimer.unref();
  }

  #stopWaiting(): void {
    if (this.#missingTimer !== null) clearTimeout(this.#missingTimer);
    this.#missingTimer = null;
  }

  #tellPut(entry: StoredRecord): void {
    const { decode, channel } = this.#options;
    this.#missing.delete(entry.key);
    if (this.#told.get(entry.key) === entry.value) return;
    const record = decode(entry);
    if (record === null) return;
    this.#told.set(entry.key, entry.value);
    channel.push({ type: "put", key: entry.key, record });
  }

  #tellDelete(key: string, isExpired: boolean): void {
    this.#missing.delete(key);
    if (this.#told.delete(key)) this.#options.channel.push({ type: "delete", key, isExpired });
  }
}

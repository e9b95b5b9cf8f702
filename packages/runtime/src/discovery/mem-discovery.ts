// Discovery inside one process. Runtimes that share a MemHub see each other.
import type { Discovery, DiscoveryEvent } from "./discovery.ts";
import { type Bucket, bucketOf, bucketPrefix, type DiscoveryRecord, recordKey } from "./record.ts";
import { WatchChannel } from "./watch-channel.ts";

interface Watch {
  readonly prefix: string;
  readonly channel: WatchChannel;
}

/** The records of all runtimes of one process. */
export class MemStore {
  readonly #records = new Map<string, DiscoveryRecord>();
  readonly #watches = new Set<Watch>();

  put(record: DiscoveryRecord): void {
    const key = recordKey(record);
    this.#records.set(key, record);
    this.#tell(key, { type: "put", key, record });
  }

  delete(key: string): void {
    if (this.#records.delete(key)) this.#tell(key, { type: "delete", key, isExpired: false });
  }

  list(prefix: string): [string, DiscoveryRecord][] {
    return [...this.#records].filter(([key]) => key.startsWith(prefix));
  }

  watch(prefix: string, signal: AbortSignal): AsyncIterable<DiscoveryEvent> {
    const channel = new WatchChannel();
    const watch: Watch = { prefix, channel };
    for (const [key, record] of this.list(prefix)) channel.push({ type: "put", key, record });
    channel.push({ type: "synced" });
    const end = () => {
      this.#watches.delete(watch);
      channel.close();
    };
    if (signal.aborted) end();
    else {
      this.#watches.add(watch);
      signal.addEventListener("abort", end, { once: true });
    }
    return channel;
  }

  #tell(key: string, event: DiscoveryEvent): void {
    for (const { prefix, channel } of this.#watches) {
      if (key.startsWith(prefix)) channel.push(event);
    }
  }
}

export class MemDiscovery implements Discovery {
  readonly kind = "mem";
  readonly instanceId: bigint;
  readonly #store: MemStore;
  readonly #own = new Set<string>();

  constructor(options: { readonly store: MemStore; readonly instanceId: bigint }) {
    this.#store = options.store;
    this.instanceId = options.instanceId;
  }

  async put(record: DiscoveryRecord): Promise<void> {
    this.#own.add(recordKey(record));
    this.#store.put(record);
  }

  async delete(key: string): Promise<void> {
    this.#own.delete(key);
    this.#store.delete(key);
  }

  async list(bucket: Bucket, prefix = ""): Promise<DiscoveryRecord[]> {
    return this.#store
      .list(bucketPrefix(bucket, prefix))
      .map(([, record]) => record)
      .filter((record) => bucketOf(record) === bucket);
  }

  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent> {
    return this.#store.watch(bucketPrefix(bucket, options.prefix ?? ""), options.signal);
  }

  async close(): Promise<void> {
    for (const key of this.#own) this.#store.delete(key);
    this.#own.clear();
  }
}

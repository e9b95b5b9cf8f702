// Discovery through a directory that all processes of a machine can write: one file per record, alive while its
// modification time changes. Layout and times are Dynamo 1.6.1's, so that its processes are found and find us.
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UnavailableError } from "@dyn/protocol";
import type { Discovery, DiscoveryEvent } from "./discovery.ts";
import { FileBucket } from "./file-bucket.ts";
import { encodeFileName } from "./key-path.ts";
import { type Bucket, bucketOfKey, bucketPrefix, type DiscoveryRecord } from "./record.ts";
import { encodeRecord } from "./record-codec.ts";
import { WatchChannel } from "./watch-channel.ts";

export interface FileDiscoveryOptions {
  /** The folder that the members share. */
  readonly root: string;
  readonly instanceId: bigint;
  /** How often own files are touched. Default 3 333 ms. */
  readonly touchIntervalMs?: number;
  /** Files untouched for so long are stale: they vanish from every view, and are deleted. Default 10 000 ms. */
  readonly staleAfterMs?: number;
  /** How often a watch looks even when the file system tells of no change. Default 1 000 ms. */
  readonly pollIntervalMs?: number;
  /** A record that cannot be read, or a file operation that failed. */
  readonly onProblem?: (message: string, error: unknown) => void;
  /** Unix milliseconds: what files are touched with. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicNow?: () => number;
}

const temporaryPrefix = ".tmp_";

export class FileDiscovery implements Discovery {
  readonly kind = "file";
  readonly instanceId: bigint;
  readonly #options: FileDiscoveryOptions;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #now: () => number;
  /** Content of own files by path. */
  readonly #own = new Map<string, string>();
  readonly #buckets = new Map<Bucket, FileBucket>();
  readonly #end = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;
  #isTouching = false;

  constructor(options: FileDiscoveryOptions) {
    this.#options = options;
    this.instanceId = options.instanceId;
    this.#onProblem = options.onProblem ?? (() => {});
    this.#now = options.now ?? Date.now;
    this.#heartbeat = setInterval(() => void this.#touchAll(), options.touchIntervalMs ?? 3_333);
    this.#heartbeat.unref();
  }

  async put(record: DiscoveryRecord): Promise<void> {
    const { key, value } = encodeRecord(record);
    const path = this.#pathOf(key);
    try {
      await writeWhole(path, value);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UnavailableError(
        `The discovery folder ${this.#options.root} cannot be written (${why}). Make room in it or name another one with DYN_FILE_KV.`,
        { code: "DYN_DISCOVERY_WRITE_FAILED", cause },
      );
    }
    this.#own.set(path, value);
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(key);
    this.#own.delete(path);
    await this.#remove(path);
  }

  list(bucket: Bucket, prefix = ""): Promise<DiscoveryRecord[]> {
    return this.#bucket(bucket).list(bucketPrefix(bucket, prefix));
  }

  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent> {
    const channel = new WatchChannel();
    const signal = AbortSignal.any([options.signal, this.#end.signal]);
    const prefix = bucketPrefix(bucket, options.prefix ?? "");
    void this.#bucket(bucket)
      .follow(prefix, channel, signal)
      .then(
        () => channel.close(),
        (error) => channel.close(error),
      );
    return channel;
  }

  async close(): Promise<void> {
    this.#end.abort();
    clearInterval(this.#heartbeat);
    const paths = [...this.#own.keys()];
    this.#own.clear();
    await Promise.all(paths.map((path) => this.#remove(path)));
  }

  #bucket(bucket: Bucket): FileBucket {
    const known = this.#buckets.get(bucket);
    if (known !== undefined) return known;
    const fresh = new FileBucket({
      folder: join(this.#options.root, bucket),
      bucket,
      staleAfterMs: this.#options.staleAfterMs ?? 10_000,
      pollIntervalMs: this.#options.pollIntervalMs ?? 1_000,
      isOwn: (path) => this.#own.has(path),
      now: this.#now,
      monotonicNow: this.#options.monotonicNow ?? (() => performance.now()),
      onProblem: this.#onProblem,
    });
    this.#buckets.set(bucket, fresh);
    return fresh;
  }

  /** Keeps own files fresh, and writes those again that somebody took for stale. */
  async #touchAll(): Promise<void> {
    if (this.#isTouching) return;
    this.#isTouching = true;
    const time = new Date(this.#now());
    for (const [path, content] of this.#own) {
      try {
        await utimes(path, time, time);
      } catch {
        await this.#writeAgain(path, content);
      }
    }
    this.#isTouching = false;
  }

  async #writeAgain(path: string, content: string): Promise<void> {
    if (!this.#own.has(path)) return;
    try {
      await writeWhole(path, content);
      // Deleted while it was written: it must not stay.
      if (!this.#own.has(path)) await this.#remove(path);
    } catch (error) {
      this.#onProblem(`The discovery record ${path} cannot be kept alive.`, error);
    }
  }

  async #remove(path: string): Promise<void> {
    try {
      await rm(path, { force: true });
    } catch (error) {
      this.#onProblem(`${path} could not be deleted; it is stale soon.`, error);
    }
  }

  #pathOf(key: string): string {
    const bucket = bucketOfKey(key);
    return join(this.#options.root, bucket, encodeFileName(key.slice(bucket.length + 1)));
  }
}

/** Readers see the whole file or none. */
async function writeWhole(path: string, content: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `${temporaryPrefix}${randomBytes(8).toString("hex")}`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

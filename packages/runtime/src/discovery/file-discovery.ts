// Discovery through a directory that all processes of a machine can write: one file per record, alive while its
// modification time is fresh. Layout and times are Dynamo 1.6.1's, so that its processes are found and find us.
import { randomBytes } from "node:crypto";
import { type FSWatcher, watch as watchDirectory } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "@dyn/protocol";
import { Channel } from "../channel/channel.ts";
import type { Discovery, DiscoveryEvent } from "./discovery.ts";
import { decodeFileName, encodeFileName } from "./key-path.ts";
import { type Bucket, bucketOf, bucketOfKey, type DiscoveryRecord } from "./record.ts";
import { decodeRecord, encodeRecord } from "./record-codec.ts";

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
  readonly now?: () => number;
}

interface SeenFile {
  readonly modifiedMs: number;
  readonly record: DiscoveryRecord | null;
}

const temporaryPrefix = ".tmp_";
const watchCapacity = 1_000_000;

export class FileDiscovery implements Discovery {
  readonly kind = "file";
  readonly instanceId: bigint;
  readonly #root: string;
  readonly #touchIntervalMs: number;
  readonly #staleAfterMs: number;
  readonly #pollIntervalMs: number;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #now: () => number;
  /** Own files by path, with their content. */
  readonly #own = new Map<string, { readonly bucket: Bucket; readonly content: string }>();
  readonly #end = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(options: FileDiscoveryOptions) {
    this.#root = options.root;
    this.instanceId = options.instanceId;
    this.#touchIntervalMs = options.touchIntervalMs ?? 3_333;
    this.#staleAfterMs = options.staleAfterMs ?? 10_000;
    this.#pollIntervalMs = options.pollIntervalMs ?? 1_000;
    this.#onProblem = options.onProblem ?? (() => {});
    this.#now = options.now ?? Date.now;
    this.#heartbeat = setInterval(() => void this.#touchAll(), this.#touchIntervalMs);
    this.#heartbeat.unref();
  }

  async put(record: DiscoveryRecord): Promise<void> {
    const bucket = bucketOf(record);
    const { key, value } = encodeRecord(record);
    const path = this.#pathOf(bucket, key);
    try {
      await mkdir(join(this.#root, bucket), { recursive: true });
      await writeWhole(path, value);
    } catch (cause) {
      throw new UnavailableError(`The discovery folder ${this.#root} cannot be written.`, {
        code: "DYN_DISCOVERY_WRITE_FAILED",
        cause,
      });
    }
    this.#own.set(path, { bucket, content: value });
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(bucketOfKey(key), key);
    this.#own.delete(path);
    await rm(path, { force: true });
  }

  async list(bucket: Bucket, prefix = ""): Promise<DiscoveryRecord[]> {
    const seen = await this.#scan(bucket, prefix, new Map());
    return [...seen.values()].flatMap(({ record }) => (record === null ? [] : [record]));
  }

  watch(
    bucket: Bucket,
    options: { readonly prefix?: string; readonly signal: AbortSignal },
  ): AsyncIterable<DiscoveryEvent> {
    const channel = new Channel<DiscoveryEvent>({ capacity: watchCapacity });
    const signal = AbortSignal.any([options.signal, this.#end.signal]);
    void this.#follow(bucket, options.prefix ?? "", channel, signal).then(
      () => channel.close(),
      (error) => channel.close(error),
    );
    return channel;
  }

  async close(): Promise<void> {
    this.#end.abort();
    clearInterval(this.#heartbeat);
    await Promise.all([...this.#own.keys()].map((path) => rm(path, { force: true })));
    this.#own.clear();
  }

  async #follow(
    bucket: Bucket,
    prefix: string,
    channel: Channel<DiscoveryEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    await mkdir(join(this.#root, bucket), { recursive: true });
    const changes = new ChangeSignal(join(this.#root, bucket), signal);
    let known = new Map<string, SeenFile>();
    let isFirst = true;
    while (!signal.aborted) {
      const seen = await this.#scan(bucket, prefix, known);
      if (signal.aborted) break;
      for (const key of known.keys()) {
        if (!seen.has(key) && known.get(key)?.record) channel.push({ type: "delete", key });
      }
      for (const [key, file] of seen) {
        if (file.record !== null && known.get(key)?.record !== file.record) {
          channel.push({ type: "put", key, record: file.record });
        }
      }
      if (isFirst) channel.push({ type: "synced" });
      isFirst = false;
      known = seen;
      await changes.next(this.#pollIntervalMs);
    }
    changes.close();
  }

  /** Records of the bucket by key. Files that did not change since `known` are not read again; stale ones are deleted. */
  async #scan(
    bucket: Bucket,
    prefix: string,
    known: ReadonlyMap<string, SeenFile>,
  ): Promise<Map<string, SeenFile>> {
    const folder = join(this.#root, bucket);
    const wanted = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    const seen = new Map<string, SeenFile>();
    for (const name of (await readdirOrNone(folder)).sort()) {
      const rest = name.startsWith(temporaryPrefix) ? null : decodeFileName(name);
      if (rest === null || !rest.startsWith(wanted)) continue;
      const path = join(folder, name);
      const modifiedMs = await stat(path).then(
        (info) => info.mtimeMs,
        () => null,
      );
      if (modifiedMs === null) continue;
      if (this.#now() - modifiedMs > this.#staleAfterMs && !this.#own.has(path)) {
        await rm(path, { force: true });
        continue;
      }
      const key = `${bucket}/${rest}`;
      const before = known.get(key);
      seen.set(key, await this.#read(bucket, key, path, modifiedMs, before));
    }
    return seen;
  }

  async #read(
    bucket: Bucket,
    key: string,
    path: string,
    modifiedMs: number,
    before: SeenFile | undefined,
  ): Promise<SeenFile> {
    if (before?.modifiedMs === modifiedMs) return before;
    try {
      const record = decodeRecord(bucket, { key, value: await readFile(path, "utf8") });
      // A touch changes the time alone; equal content is the same record for watchers.
      const isSame =
        before?.record != null && encodeRecord(before.record).value === encodeRecord(record).value;
      return { modifiedMs, record: isSame ? before.record : record };
    } catch (error) {
      this.#onProblem(`The discovery record ${path} cannot be used.`, error);
      return { modifiedMs, record: null };
    }
  }

  /** Keeps own files fresh, and writes those again that somebody took for stale. */
  async #touchAll(): Promise<void> {
    const time = new Date(this.#now());
    for (const [path, { bucket, content }] of this.#own) {
      try {
        await utimes(path, time, time);
      } catch {
        if (!this.#own.has(path)) continue;
        try {
          await mkdir(join(this.#root, bucket), { recursive: true });
          await writeWhole(path, content);
        } catch (error) {
          this.#onProblem(`The discovery record ${path} cannot be kept alive.`, error);
        }
      }
    }
  }

  #pathOf(bucket: Bucket, key: string): string {
    return join(this.#root, bucket, encodeFileName(key.slice(bucket.length + 1)));
  }
}

/** Wakes a watch when the file system tells of a change, or after a time-out where it does not. */
class ChangeSignal {
  readonly #watcher: FSWatcher | null;
  #isPending = false;
  #wake: (() => void) | null = null;

  constructor(folder: string, signal: AbortSignal) {
    this.#watcher = openWatcher(folder, () => this.#changed());
    signal.addEventListener("abort", () => this.#changed(), { once: true });
  }

  async next(timeoutMs: number): Promise<void> {
    if (!this.#isPending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        timer.unref();
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#isPending = false;
  }

  close(): void {
    this.#watcher?.close();
  }

  #changed(): void {
    this.#isPending = true;
    this.#wake?.();
  }
}

/** `null` where the file system cannot be watched: polling goes on alone. */
function openWatcher(folder: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watchDirectory(folder, { persistent: false }, onChange);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}

async function writeWhole(path: string, content: string): Promise<void> {
  const temporary = join(path, "..", `${temporaryPrefix}${randomBytes(8).toString("hex")}`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function readdirOrNone(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

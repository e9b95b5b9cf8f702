// One bucket's folder as this process sees it, shared by all who watch it. A record lives while its file changes: the
// wall clock is asked only about a file that is seen for the first time, so that a clock that jumps kills nobody.
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FolderChanges } from "./folder-changes.ts";
import { decodeFileName } from "./key-path.ts";
import type { Bucket, DiscoveryRecord } from "./record.ts";
import { decodeRecord } from "./record-codec.ts";
import type { WatchChannel } from "./watch-channel.ts";

export interface FileBucketOptions {
  readonly folder: string;
  readonly bucket: Bucket;
  readonly staleAfterMs: number;
  readonly pollIntervalMs: number;
  /** Own files are never stale. */
  readonly isOwn: (path: string) => boolean;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicNow: () => number;
  readonly onProblem: (message: string, error: unknown) => void;
}

interface SeenFile {
  readonly key: string;
  /** `null`: it cannot be read. */
  record: DiscoveryRecord | null;
  /** Another one, or another size: it was written anew. A touch changes neither. */
  inode: number;
  sizeBytes: number;
  modifiedMs: number;
  /** By the monotonic clock. */
  firstSeenMs: number;
  changedMs: number;
  isTold: boolean;
}

interface Watch {
  readonly prefix: string;
  readonly channel: WatchChannel;
}

/** Whatever the file system tells, everything is looked at so often. */
const fullLookMs = 10_000;
const statConcurrency = 64;
/** Members look a second or two apart. */
const almostStaleMs = 2_000;

export class FileBucket {
  readonly #options: FileBucketOptions;
  readonly #files = new Map<string, SeenFile>();
  readonly #watches = new Set<Watch>();
  readonly #changes: FolderChanges;
  #looking: Promise<void> = Promise.resolve();
  #fullLookAtMs = Number.NEGATIVE_INFINITY;
  /** When the last look began; `null`: nobody follows. */
  #lookedAtMs: number | null = null;
  #isFollowing = false;

  constructor(options: FileBucketOptions) {
    this.#options = options;
    this.#changes = new FolderChanges({
      folder: options.folder,
      onTouch: (name) => {
        const file = this.#files.get(name);
        if (file?.isTold) file.changedMs = options.monotonicNow();
        else this.#changes.add(name);
      },
      onProblem: options.onProblem,
    });
  }

  /** As the folder is now. `prefix` is that of a key and ends in a slash. */
  async list(prefix: string): Promise<DiscoveryRecord[]> {
    await this.#look(true);
    return this.#told(prefix).flatMap(({ record }) => record ?? []);
  }

  /** Tells what is there, `synced`, and what changes, until the signal ends it. */
  async follow(prefix: string, channel: WatchChannel, signal: AbortSignal): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true });
    // A folder that nobody follows any more is not kept up to date.
    await this.#look(!this.#isFollowing);
    if (signal.aborted) return;
    for (const { key, record } of this.#told(prefix)) {
      if (record !== null) channel.push({ type: "put", key, record });
    }
    channel.push({ type: "synced" });
    const watch = { prefix, channel };
    this.#watches.add(watch);
    if (!this.#isFollowing) void this.#keepLooking();
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
    this.#watches.delete(watch);
    this.#changes.wake();
  }

  async #keepLooking(): Promise<void> {
    this.#isFollowing = true;
    while (this.#watches.size > 0) {
      try {
        await this.#look(false);
      } catch (error) {
        this.#options.onProblem(`${this.#options.folder} cannot be looked at.`, error);
      }
      await this.#changes.next(this.#options.pollIntervalMs);
    }
    this.#isFollowing = false;
    this.#lookedAtMs = null;
    this.#changes.close();
  }

  /** One look at a time. */
  #look(isFull: boolean): Promise<void> {
    const looked = this.#looking.then(() => this.#lookNow(isFull));
    this.#looking = looked.catch(() => {});
    return looked;
  }

  async #lookNow(isFull: boolean): Promise<void> {
    const { monotonicNow } = this.#options;
    const nowMs = monotonicNow();
    this.#forgive(nowMs);
    const isUnknown = this.#isFollowing ? await this.#changes.renew() : true;
    const isDue = nowMs - this.#fullLookAtMs >= fullLookMs;
    if (isFull || isUnknown || isDue) {
      this.#fullLookAtMs = nowMs;
      this.#changes.take();
      const names = await readdirOrNone(this.#options.folder);
      const present = new Set(names);
      for (const name of [...this.#files.keys()]) if (!present.has(name)) this.#remove(name);
      await this.#refresh(names.filter(isRecordName));
    } else {
      await this.#refresh([...this.#changes.take().filter(isRecordName), ...this.#silent(nowMs)]);
    }
    await this.#removeStale(nowMs);
  }

  /**
   * A look that is long overdue: this process stood still, and with it perhaps the whole machine. Nobody could touch his
   * files then, and nobody is judged by it.
   */
  #forgive(nowMs: number): void {
    const { pollIntervalMs, staleAfterMs } = this.#options;
    const gapMs = nowMs - (this.#lookedAtMs ?? nowMs);
    this.#lookedAtMs = this.#isFollowing ? nowMs : null;
    if (gapMs <= pollIntervalMs + staleAfterMs / 4) return;
    const stoppedMs = gapMs - pollIntervalMs;
    for (const file of this.#files.values()) {
      file.firstSeenMs = Math.min(nowMs, file.firstSeenMs + stoppedMs);
      file.changedMs = Math.min(nowMs, file.changedMs + stoppedMs);
    }
  }

  /** Files that nothing was heard of for too long: only a look at them tells. */
  #silent(nowMs: number): string[] {
    return [...this.#files]
      .filter(([, { changedMs }]) => nowMs - changedMs > this.#options.staleAfterMs)
      .map(([name]) => name);
  }

  async #refresh(names: readonly string[]): Promise<void> {
    for (let start = 0; start < names.length; start += statConcurrency) {
      const some = names.slice(start, start + statConcurrency);
      await Promise.all(some.map((name) => this.#refreshOne(name)));
    }
  }

  async #refreshOne(name: string): Promise<void> {
    const { folder, now, monotonicNow, staleAfterMs } = this.#options;
    const path = join(folder, name);
    const info = await stat(path).catch(() => null);
    if (info === null) {
      this.#remove(name);
      return;
    }
    const { ino: inode, size: sizeBytes, mtimeMs: modifiedMs } = info;
    const nowMs = monotonicNow();
    const file = this.#files.get(name);
    if (file === undefined) {
      const ageMs = Math.max(0, now() - modifiedMs);
      const fresh: SeenFile = {
        key: `${this.#options.bucket}/${decodeFileName(name)}`,
        record: null,
        inode,
        sizeBytes,
        modifiedMs,
        firstSeenMs: nowMs,
        changedMs: nowMs - ageMs,
        isTold: false,
      };
      this.#files.set(name, fresh);
      if (ageMs <= staleAfterMs) await this.#read(path, fresh);
      return;
    }
    if (file.modifiedMs !== modifiedMs) file.changedMs = nowMs;
    const isSame = file.inode === inode && file.sizeBytes === sizeBytes;
    const wasTouched = file.modifiedMs !== modifiedMs;
    Object.assign(file, { inode, sizeBytes, modifiedMs });
    if (!isSame || (wasTouched && !file.isTold)) await this.#read(path, file);
  }

  async #read(path: string, file: SeenFile): Promise<void> {
    try {
      const value = await readFile(path, "utf8");
      file.record = decodeRecord(this.#options.bucket, { key: file.key, value });
      file.isTold = true;
      this.#tell({ type: "put", key: file.key, record: file.record });
    } catch (error) {
      file.record = null;
      this.#options.onProblem(`The discovery record ${path} cannot be used.`, error);
    }
  }

  /**
   * A stale record vanishes at once; its file goes only when this process itself saw it unchanged for so long.
   * `nowMs` is that of the look's beginning: a stop in the middle of it counts for nobody's silence either.
   */
  async #removeStale(nowMs: number): Promise<void> {
    const { folder, staleAfterMs, isOwn } = this.#options;
    for (const [name, file] of this.#files) {
      const path = join(folder, name);
      if (nowMs - file.changedMs <= staleAfterMs || isOwn(path)) continue;
      this.#withdraw(file, true);
      if (nowMs - file.firstSeenMs <= staleAfterMs) continue;
      this.#files.delete(name);
      await rm(path, { force: true });
    }
  }

  #remove(name: string): void {
    const file = this.#files.get(name);
    if (file === undefined) return;
    this.#files.delete(name);
    // Another member may have found it stale a moment before this one.
    const { monotonicNow, staleAfterMs } = this.#options;
    this.#withdraw(file, monotonicNow() - file.changedMs > staleAfterMs - almostStaleMs);
  }

  #withdraw(file: SeenFile, isExpired: boolean): void {
    if (file.isTold) this.#tell({ type: "delete", key: file.key, isExpired });
    file.isTold = false;
  }

  #tell(event: Parameters<WatchChannel["push"]>[0] & { readonly key: string }): void {
    for (const { prefix, channel } of this.#watches) {
      if (event.key.startsWith(prefix)) channel.push(event);
    }
  }

  #told(prefix: string): SeenFile[] {
    return [...this.#files.values()]
      .filter(({ isTold, key }) => isTold && key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

function isRecordName(name: string): boolean {
  return decodeFileName(name) !== null;
}

async function readdirOrNone(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

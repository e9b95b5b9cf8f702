// One watcher's view: told what changed between what it knows and what is there.
import type { WatchChannel } from "../watch-channel.ts";
import type { HeldRecord } from "./worker-metadata.ts";

export class RecordWatch {
  readonly #prefix: string;
  readonly #channel: WatchChannel;
  readonly #known = new Map<string, string>();
  #isSynced = false;

  /** `prefix` ends in a slash. */
  constructor(prefix: string, channel: WatchChannel) {
    this.#prefix = prefix;
    this.#channel = channel;
  }

  /** `isWhole`: changes may have been missed before; `synced` follows. */
  tell(present: ReadonlyMap<string, HeldRecord>, isWhole: boolean): void {
    for (const key of this.#known.keys()) {
      if (present.has(key)) continue;
      this.#known.delete(key);
      this.#channel.push({ type: "delete", key, isExpired: false });
    }
    for (const [key, { record, text }] of present) {
      if (!key.startsWith(this.#prefix) || this.#known.get(key) === text) continue;
      this.#known.set(key, text);
      this.#channel.push({ type: "put", key, record });
    }
    if (isWhole || !this.#isSynced) this.#channel.push({ type: "synced" });
    this.#isSynced = true;
  }

  close(): void {
    this.#channel.close();
  }
}

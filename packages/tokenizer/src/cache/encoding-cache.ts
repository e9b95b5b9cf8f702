// The ids of texts that were encoded before. It keeps no text: a slice of a prompt would keep the whole prompt alive.
import { hash } from "node:crypto";
import type { TextPart } from "../contract/text-part.ts";

export interface EncodingCacheOptions {
  /** What the ids and their bookkeeping may take; the least recently used go first. */
  readonly maxBytes: number;
}

/** Key, map entry and array object; measured on Node 20, rounded up. */
const entryBytes = 256;

/** Shorter texts are encoded as fast as they are found. */
const minTextLength = 48;

export class EncodingCache {
  readonly #maxBytes: number;
  /** In order of use, the latest last. */
  readonly #entries = new Map<string, Uint32Array>();
  #sizeBytes = 0;

  constructor(options: EncodingCacheOptions) {
    this.#maxBytes = options.maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** `null`: not worth keeping. SHA-256 of the text: two texts never share a key. */
  keyOf({ text, place }: TextPart): string | null {
    if (text.length < minTextLength) return null;
    const digest = hash("sha256", text, "base64");
    return place === "later" ? digest : place + digest;
  }

  /** Not to be written to. */
  find(key: string): Uint32Array | undefined {
    const ids = this.#entries.get(key);
    if (ids === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, ids);
    return ids;
  }

  /** Keeps the array itself. What is larger than the whole cache is not kept. */
  keep(key: string, ids: Uint32Array): void {
    const size = ids.byteLength + entryBytes;
    if (size > this.#maxBytes || this.#entries.has(key)) return;
    this.#entries.set(key, ids);
    this.#sizeBytes += size;
    for (const [oldest, old] of this.#entries) {
      if (this.#sizeBytes <= this.#maxBytes) break;
      this.#entries.delete(oldest);
      this.#sizeBytes -= old.byteLength + entryBytes;
    }
  }
}

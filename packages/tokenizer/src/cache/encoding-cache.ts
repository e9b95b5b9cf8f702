// The ids of texts that were encoded before. It keeps no slice of a prompt, which would keep the whole prompt alive.
import { hash } from "node:crypto";
import type { TextPart } from "../contract/text-part.ts";

export interface EncodingCacheOptions {
  /** What the ids and their bookkeeping may take; the least recently used go first. */
  readonly maxBytes: number;
}

/** Map entry and array object; measured on Node 20, rounded up. */
const entryBytes = 256;

/** Shorter texts are encoded as fast as they are found. */
const minTextLength = 48;

/** Up to here a text is its own key: a digest takes longer than V8's hash. Longer ones would take memory. */
const maxKeyLength = 256;

const places = { first: "f", later: "l", framed: "t" } as const;

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

  /**
   * `null`: not worth keeping. The text, or its SHA-256 as 32 characters: two texts never share a key, and no key of
   * one kind is as short as those of the other.
   */
  keyOf({ text, place }: TextPart): string | null {
    if (text.length < minTextLength) return null;
    const key = text.length <= maxKeyLength ? text : hash("sha256", text, "binary");
    return places[place] + key;
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
    const size = sizeOf(key, ids);
    if (size > this.#maxBytes || this.#entries.has(key)) return;
    this.#entries.set(copyOf(key), ids);
    this.#sizeBytes += size;
    for (const [oldest, old] of this.#entries) {
      if (this.#sizeBytes <= this.#maxBytes) break;
      this.#entries.delete(oldest);
      this.#sizeBytes -= sizeOf(oldest, old);
    }
  }
}

/** A string of its own: V8 has slices point into what they were cut from. */
function copyOf(key: string): string {
  return Buffer.from(key, "utf8").toString("utf8");
}

function sizeOf(key: string, ids: Uint32Array): number {
  return entryBytes + 2 * key.length + ids.byteLength;
}

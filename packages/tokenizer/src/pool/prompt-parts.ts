// One text on its way to ids: its parts, what the cache has of them, and what is missing.
import type { EncodingCache } from "../cache/encoding-cache.ts";
import type { TextPart } from "../contract/text-part.ts";

/** Where a text's ids came from. */
export interface EncodingOrigin {
  readonly cachedTokens: number;
  readonly uncachedTokens: number;
  /** Some of it was long enough to be looked for. */
  readonly wasLookedUp: boolean;
  /** All that the cache holds now. */
  readonly cacheBytes: number;
}

interface Missing {
  readonly part: TextPart;
  readonly key: string | null;
  /** Where its ids go among the pieces. */
  readonly at: number;
}

export class PromptParts {
  readonly #cache: EncodingCache;
  readonly #pieces: (number | Uint32Array)[] = [];
  readonly #missing: Missing[] = [];
  #cachedTokens = 0;
  #wasLookedUp = false;

  constructor(cache: EncodingCache, parts: readonly (number | TextPart)[]) {
    this.#cache = cache;
    for (const part of parts) this.#pieces.push(typeof part === "number" ? part : this.#look(part));
  }

  get missing(): readonly TextPart[] {
    return this.#missing.map(({ part }) => part);
  }

  /** `ids` belong to the missing parts, in their order. */
  complete(ids: readonly Uint32Array[]): { ids: Uint32Array; origin: EncodingOrigin } {
    for (const [i, { key, at }] of this.#missing.entries()) {
      const found = ids[i]!;
      this.#pieces[at] = found;
      if (key !== null) this.#cache.keep(key, found);
    }
    const joined = join(this.#pieces);
    return {
      ids: joined,
      origin: {
        cachedTokens: this.#cachedTokens,
        uncachedTokens: joined.length - this.#cachedTokens,
        wasLookedUp: this.#wasLookedUp,
        cacheBytes: this.#cache.sizeBytes,
      },
    };
  }

  #look(part: TextPart): Uint32Array | number {
    const key = this.#cache.keyOf(part);
    const found = key === null ? undefined : this.#cache.find(key);
    if (key !== null) this.#wasLookedUp = true;
    if (found !== undefined) {
      this.#cachedTokens += found.length;
      return found;
    }
    this.#missing.push({ part, key, at: this.#pieces.length });
    return notYet;
  }
}

/** Holds the place of ids that are missing. */
const notYet = -1;

function join(pieces: readonly (number | Uint32Array)[]): Uint32Array {
  let length = 0;
  for (const piece of pieces) length += typeof piece === "number" ? 1 : piece.length;
  const ids = new Uint32Array(length);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "number") ids[at++] = piece;
    else {
      ids.set(piece, at);
      at += piece.length;
    }
  }
  return ids;
}

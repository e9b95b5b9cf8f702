// What runs where, as far as this router knows: blocks and prompt tokens of the requests that it, and routers that tell it,
// have sent. Added when a request is routed, lighter at its first token, gone at its end.
import type { RankLoad } from "../cost/worker-cost.ts";
import { PrefillProgress } from "./prefill-progress.ts";

/** One data-parallel rank of one worker. */
export interface RankId {
  readonly workerId: bigint;
  readonly dpRank: number;
}

export function rankKey({ workerId, dpRank }: RankId): string {
  return `${workerId}:${dpRank}`;
}

export interface ActiveRequest extends RankId {
  readonly requestId: string;
  /** [blockCount] keys of the complete blocks' sequence hashes. */
  readonly blockKeys: Float64Array;
  /** Prompt tokens that the worker has not cached. */
  readonly uncachedTokens: number;
  /** Answer tokens that the caller expects; `null`: it does not say. */
  readonly expectedOutputTokens?: number | null;
}

interface Running extends ActiveRequest {
  readonly addedAtMs: number;
  isPrefilling: boolean;
  outputTokens: number;
  outputBlocks: number;
}

interface Rank {
  /** References by block. */
  readonly blocks: Map<number, number>;
  /** Where reuse is not assumed, and for blocks of answers: how many. */
  extraBlocks: number;
  prefillTokens: number;
  readonly progress: PrefillProgress;
  requestCount: number;
}

export interface ActiveRequestsOptions {
  /** A block that several requests share counts once. Default true. */
  readonly assumeKvReuse?: boolean;
  /** Tokens of a block of an answer; `null`: answers are not counted. Default `null`. */
  readonly outputBlockSize?: number | null;
  /** An entry that nobody freed is dropped after this. Default 5 minutes. */
  readonly expiryMs?: number;
  /** Prefill that must be done by now, at the pace that the rank had, is no load. Default false: all is, to its first token. */
  readonly estimatesProgress?: boolean;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

const low53 = 0x1f_ffff;
/** Entries told of by others that never end must not fill the memory. */
const maxRequests = 1_000_000;

/** 53 bits of each hash: as numbers they are cheaper keys than bigints, and a collision only misjudges a load by a block. */
export function toBlockKeys(sequenceHashes: BigUint64Array): Float64Array {
  const words = new Uint32Array(
    sequenceHashes.buffer,
    sequenceHashes.byteOffset,
    sequenceHashes.length * 2,
  );
  const keys = new Float64Array(sequenceHashes.length);
  for (let i = 0; i < keys.length; i++) {
    keys[i] = (words[2 * i + 1]! & low53) * 2 ** 32 + words[2 * i]!;
  }
  return keys;
}

export class ActiveRequests {
  readonly #ranks = new Map<string, Rank>();
  /** In the order in which they were added. */
  readonly #running = new Map<string, Running>();
  readonly #assumeKvReuse: boolean;
  readonly #outputBlockSize: number | null;
  readonly #expiryMs: number;
  readonly #estimatesProgress: boolean;
  readonly #now: () => number;

  constructor(options: ActiveRequestsOptions = {}) {
    this.#assumeKvReuse = options.assumeKvReuse ?? true;
    this.#outputBlockSize = options.outputBlockSize ?? null;
    this.#expiryMs = options.expiryMs ?? 300_000;
    this.#estimatesProgress = options.estimatesProgress ?? false;
    this.#now = options.now ?? (() => performance.now());
  }

  get requestCount(): number {
    return this.#running.size;
  }

  /** An id that is known is replaced. Past a million the oldest is forgotten. */
  add(request: ActiveRequest): void {
    this.free(request.requestId);
    if (this.#running.size >= maxRequests) this.free(this.#running.keys().next().value!);
    const rank = this.#rank(request);
    this.#running.set(request.requestId, {
      ...request,
      addedAtMs: this.#now(),
      isPrefilling: true,
      outputTokens: 0,
      outputBlocks: 0,
    });
    rank.requestCount += 1;
    if (rank.prefillTokens === 0) rank.progress.began(this.#now());
    rank.prefillTokens += request.uncachedTokens;
    if (!this.#assumeKvReuse) {
      rank.extraBlocks += request.blockKeys.length;
      return;
    }
    for (const key of request.blockKeys) rank.blocks.set(key, (rank.blocks.get(key) ?? 0) + 1);
  }

  prefillCompleted(requestId: string): boolean {
    const running = this.#running.get(requestId);
    if (running === undefined || !running.isPrefilling) return false;
    this.#rank(running).progress.completed(running.uncachedTokens, this.#now());
    this.#leavePrefill(running);
    return true;
  }

  /** Tokens of the answer; they weigh less the nearer the expected end is. */
  outputTokens(requestId: string, count: number): void {
    const running = this.#running.get(requestId);
    if (running === undefined || this.#outputBlockSize === null) return;
    running.outputTokens += count;
    const blocks = Math.floor(running.outputTokens / this.#outputBlockSize);
    const expected = running.expectedOutputTokens ?? 0;
    const weight = expected > 0 ? Math.max(0, 1 - running.outputTokens / expected) : 1;
    const rank = this.#rank(running);
    rank.extraBlocks += blocks * weight - running.outputBlocks;
    running.outputBlocks = blocks * weight;
  }

  free(requestId: string): boolean {
    const running = this.#running.get(requestId);
    if (running === undefined) return false;
    // Nobody knows how far it came: it says nothing of the pace.
    if (running.isPrefilling) this.#leavePrefill(running);
    this.#running.delete(requestId);
    const rank = this.#ranks.get(rankKey(running));
    if (rank === undefined) return true;
    rank.requestCount -= 1;
    rank.extraBlocks -= running.outputBlocks;
    if (!this.#assumeKvReuse) {
      rank.extraBlocks -= running.blockKeys.length;
      return true;
    }
    for (const key of running.blockKeys) {
      const count = rank.blocks.get(key)!;
      if (count === 1) rank.blocks.delete(key);
      else rank.blocks.set(key, count - 1);
    }
    return true;
  }

  /** All that ran at a worker that left. */
  removeWorker(workerId: bigint): void {
    for (const running of this.#running.values()) {
      if (running.workerId === workerId) this.free(running.requestId);
    }
    for (const key of this.#ranks.keys()) {
      if (key.startsWith(`${workerId}:`)) this.#ranks.delete(key);
    }
  }

  /** What nobody freed in time. Call it now and then. */
  expire(): number {
    const before = this.#now() - this.#expiryMs;
    let count = 0;
    for (const running of this.#running.values()) {
      if (running.addedAtMs > before) break;
      this.free(running.requestId);
      count += 1;
    }
    return count;
  }

  /** With a request of these blocks added. */
  loadWith(rankId: RankId, blockKeys: Float64Array): Omit<RankLoad, "totalKvBlocks"> {
    const rank = this.#ranks.get(rankKey(rankId));
    if (rank === undefined) {
      return { activePrefillTokens: 0, decodeBlocks: blockKeys.length, activeRequests: 0 };
    }
    const shared = this.#assumeKvReuse ? leadingBlocks(rank.blocks, blockKeys) : 0;
    return {
      activePrefillTokens: this.#estimatesProgress
        ? rank.progress.left(rank.prefillTokens, this.#now())
        : rank.prefillTokens,
      decodeBlocks: rank.blocks.size + rank.extraBlocks + blockKeys.length - shared,
      activeRequests: rank.requestCount,
    };
  }

  /** Leading blocks that requests which run at the rank hold; 0 where reuse is not assumed. */
  leadingBlocks(rankId: RankId, blockKeys: Float64Array): number {
    const rank = this.#ranks.get(rankKey(rankId));
    return rank === undefined ? 0 : leadingBlocks(rank.blocks, blockKeys);
  }

  /** As counted, also where progress is estimated: thresholds are bounds. */
  activePrefillTokens(rankId: RankId): number {
    return this.#ranks.get(rankKey(rankId))?.prefillTokens ?? 0;
  }

  activeRequests(rankId: RankId): number {
    return this.#ranks.get(rankKey(rankId))?.requestCount ?? 0;
  }

  #leavePrefill(running: Running): void {
    running.isPrefilling = false;
    this.#rank(running).prefillTokens -= running.uncachedTokens;
  }

  #rank(rankId: RankId): Rank {
    const key = rankKey(rankId);
    let rank = this.#ranks.get(key);
    if (rank === undefined) {
      rank = {
        blocks: new Map(),
        extraBlocks: 0,
        prefillTokens: 0,
        progress: new PrefillProgress(),
        requestCount: 0,
      };
      this.#ranks.set(key, rank);
    }
    return rank;
  }
}

/** Whoever runs a block of a prefix runs those before it: the depth is searched, not walked. */
function leadingBlocks(blocks: ReadonlyMap<number, number>, keys: Float64Array): number {
  if (blocks.size === 0) return 0;
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (blocks.has(keys[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Compares what the index believed of a worker's cache with what the engine then found there (`cached_tokens`).
// Lost events, a wrong block size or salts that one side does not know show here and nowhere else.

export interface DriftAuditOptions {
  /** Requests of a rank that are looked at together. Default 64. */
  readonly windowSize?: number;
  /** Share of the tokens of a window that may be off before `onDrift` is told. Default 0.2. */
  readonly tolerance?: number;
  readonly onDrift?: (drift: WorkerDrift) => void;
  /** A window that was not off. */
  readonly onSteady?: (drift: WorkerDrift) => void;
}

export interface WorkerDrift {
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly requestCount: number;
  /** Tokens that the index promised. */
  readonly promisedTokens: number;
  /** Tokens that the engine had. */
  readonly cachedTokens: number;
  /** Promised and not there: requests were sent to the wrong worker. */
  readonly overTokens: number;
  /** There and not promised: hits that routing did not see. */
  readonly underTokens: number;
  /** (over + under) / the larger of promised and cached; 0 when both are 0. */
  readonly driftRatio: number;
}

export interface ObservedRequest {
  readonly workerId: bigint;
  readonly dpRank: number;
  /** Blocks that the index named at the choice. */
  readonly overlapBlocks: number;
  /** Blocks that the engine may have had by the time it came to the request. Default `overlapBlocks`. */
  readonly possibleBlocks?: number;
  readonly blockSize: number;
  /** As the engine reported them. */
  readonly cachedTokens: number;
}

interface Window {
  requestCount: number;
  promisedTokens: number;
  cachedTokens: number;
  overTokens: number;
  underTokens: number;
}

const noRequests = (): Window => ({
  requestCount: 0,
  promisedTokens: 0,
  cachedTokens: 0,
  overTokens: 0,
  underTokens: 0,
});

/** By worker and rank, in windows of so many requests. */
export class DriftAudit {
  readonly #windowSize: number;
  readonly #tolerance: number;
  readonly #onDrift: (drift: WorkerDrift) => void;
  readonly #onSteady: (drift: WorkerDrift) => void;
  /** By worker and rank; `removeWorker` bounds it by those that live. */
  readonly #ranks = new Map<bigint, Map<number, { open: Window; total: Window }>>();

  constructor(options: DriftAuditOptions = {}) {
    this.#windowSize = options.windowSize ?? 64;
    this.#tolerance = options.tolerance ?? 0.2;
    this.#onDrift = options.onDrift ?? (() => {});
    this.#onSteady = options.onSteady ?? (() => {});
  }

  /**
   * Tokens that were promised and not there, or, below 0, there and not promised. A difference below one block is none:
   * engines report whole pages, and keep back the last token of a prompt that is cached whole. A window that is off by
   * less than a block for each request is none either, however little was promised.
   */
  observe(request: ObservedRequest): number {
    const { workerId, dpRank, overlapBlocks, blockSize, cachedTokens } = request;
    const { possibleBlocks = overlapBlocks } = request;
    const promisedTokens = overlapBlocks * blockSize;
    const possibleTokens = Math.max(possibleBlocks, overlapBlocks) * blockSize;
    const overTokens = Math.max(0, promisedTokens - cachedTokens);
    const underTokens = Math.max(0, cachedTokens - possibleTokens);
    const drift = overTokens - underTokens;
    const driftTokens = Math.abs(drift) > blockSize ? drift : 0;
    const rank = this.#rank(workerId, dpRank);
    for (const window of [rank.open, rank.total]) {
      window.requestCount += 1;
      window.promisedTokens += promisedTokens;
      window.cachedTokens += cachedTokens;
      if (driftTokens > 0) window.overTokens += driftTokens;
      else window.underTokens -= driftTokens;
    }
    if (rank.open.requestCount < this.#windowSize) return driftTokens;
    const closed = toDrift(workerId, dpRank, rank.open);
    rank.open = noRequests();
    const offTokens = closed.overTokens + closed.underTokens;
    const isOff = closed.driftRatio > this.#tolerance && offTokens > blockSize * this.#windowSize;
    if (isOff) this.#onDrift(closed);
    else this.#onSteady(closed);
    return driftTokens;
  }

  /** Since the start, by rank. */
  totals(): WorkerDrift[] {
    return [...this.#ranks].flatMap(([workerId, ranks]) =>
      [...ranks].map(([dpRank, { total }]) => toDrift(workerId, dpRank, total)),
    );
  }

  removeWorker(workerId: bigint): void {
    this.#ranks.delete(workerId);
  }

  #rank(workerId: bigint, dpRank: number): { open: Window; total: Window } {
    const ranks = this.#ranks.get(workerId) ?? new Map<number, { open: Window; total: Window }>();
    this.#ranks.set(workerId, ranks);
    const rank = ranks.get(dpRank) ?? { open: noRequests(), total: noRequests() };
    ranks.set(dpRank, rank);
    return rank;
  }
}

function toDrift(workerId: bigint, dpRank: number, window: Window): WorkerDrift {
  const most = Math.max(window.promisedTokens, window.cachedTokens);
  const driftRatio = most === 0 ? 0 : (window.overTokens + window.underTokens) / most;
  return { workerId, dpRank, ...window, driftRatio };
}

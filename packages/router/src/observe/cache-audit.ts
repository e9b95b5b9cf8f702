// Whether workers have cached what their events say: what was promised of each prompt against what the engine then found.
import { DriftAudit, type WorkerDrift } from "@dyn/kv-events";
import type { CachePromise } from "../choice/route-query.ts";
import { type RankId, rankKey } from "../load/active-requests.ts";
import type { WorkerProblem } from "./worker-problems.ts";

export interface AuditTotals {
  requests: number;
  /** Tokens that were promised, and that were found. */
  promisedTokens: number;
  cachedTokens: number;
  /** Promised and not found. */
  overTokens: number;
  /** Found, and neither promised nor held by requests that ran there. */
  underTokens: number;
}

export class CacheAudit {
  readonly totals: AuditTotals = {
    requests: 0,
    promisedTokens: 0,
    cachedTokens: 0,
    overTokens: 0,
    underTokens: 0,
  };
  readonly #blockSize: number;
  readonly #drifts = new Map<string, WorkerDrift>();
  readonly #audit = new DriftAudit({
    onDrift: (drift) => this.#drifts.set(rankKey(drift), drift),
    onSteady: (drift) => this.#drifts.delete(rankKey(drift)),
  });

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** A request that the rank has answered. `cachedTokens`: of its prompt, by the engine's word. */
  observe({ workerId, dpRank }: RankId, promise: CachePromise, cachedTokens: number): void {
    const blockSize = this.#blockSize;
    const driftTokens = this.#audit.observe({
      workerId,
      dpRank,
      overlapBlocks: promise.leastBlocks,
      possibleBlocks: promise.mostBlocks,
      blockSize,
      cachedTokens,
    });
    const { totals } = this;
    totals.requests += 1;
    totals.promisedTokens += promise.leastBlocks * blockSize;
    totals.cachedTokens += cachedTokens;
    if (driftTokens > 0) totals.overTokens += driftTokens;
    else totals.underTokens -= driftTokens;
  }

  /** Ranks whose last requests were off. */
  problems(): WorkerProblem[] {
    return [...this.#drifts.values()].map(toProblem);
  }

  removeWorker(workerId: bigint): void {
    this.#audit.removeWorker(workerId);
    for (const [key, drift] of this.#drifts) {
      if (drift.workerId === workerId) this.#drifts.delete(key);
    }
  }
}

function toProblem(drift: WorkerDrift): WorkerProblem {
  const { workerId, dpRank, requestCount, promisedTokens, cachedTokens } = drift;
  const cause =
    drift.overTokens > drift.underTokens
      ? "Events of removed blocks were lost, or its cache is too small for what is sent there."
      : "Events of stored blocks were lost, the index had to forget them (--router-index-bytes), or it caches prompts under other salts than the router knows.";
  return {
    workerId,
    dpRank,
    kind: "cache_drift",
    message: `Worker ${workerId} (${workerId.toString(16)}) rank ${dpRank} found ${cachedTokens} prompt tokens of its last ${requestCount} requests in its cache, and its events promised ${promisedTokens}. ${cause} Restart it, or this frontend, to begin anew.`,
  };
}

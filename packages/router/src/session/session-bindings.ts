// A session stays with the worker that has its cache. Bound by the first dispatch that succeeds; forgotten when nobody asked
// for so long, or when the worker fails.
import type { SessionBinding } from "@dyn/kv-events";
import type { RankId } from "../load/active-requests.ts";

export interface SessionSettings {
  /** From the end of a session's last request. */
  readonly ttlMs: number;
  /** `soft`: it may move while its worker is busy. */
  readonly mode: "hard" | "soft";
}

interface Bound extends RankId {
  readonly sequence: bigint;
  readonly writerId: bigint;
  activeCount: number;
  expiresAtMs: number;
}

/** Beyond, the session that was bound first is forgotten. */
const maxSessions = 200_000;

export class SessionBindings {
  readonly settings: SessionSettings;
  readonly #bound = new Map<string, Bound>();
  readonly #now: () => number;
  readonly #writerId: bigint;

  constructor(settings: SessionSettings, writerId: bigint, now: () => number) {
    this.settings = settings;
    this.#writerId = writerId;
    this.#now = now;
  }

  get size(): number {
    return this.#bound.size;
  }

  find(sessionId: string): RankId | null {
    const bound = this.#bound.get(sessionId);
    if (bound === undefined) return null;
    if (bound.activeCount === 0 && bound.expiresAtMs <= this.#now()) {
      this.#bound.delete(sessionId);
      return null;
    }
    return bound;
  }

  /** A request of the session was sent there. Returns what other routers should be told. */
  dispatched(sessionId: string, { workerId, dpRank }: RankId): SessionBinding {
    const before = this.#bound.get(sessionId);
    const stays = before?.workerId === workerId && before.dpRank === dpRank;
    if (!stays) this.#bind(sessionId, { workerId, dpRank }, nanoseconds(), this.#writerId);
    const bound = this.#bound.get(sessionId)!;
    bound.activeCount += 1;
    return toBinding(sessionId, bound);
  }

  /** A request of the session is over; a failure of the worker unbinds. */
  ended(sessionId: string, isFailed: boolean): SessionBinding | null {
    const bound = this.#bound.get(sessionId);
    if (bound === undefined) return null;
    bound.activeCount = Math.max(0, bound.activeCount - 1);
    bound.expiresAtMs = this.#now() + this.settings.ttlMs;
    if (!isFailed) return toBinding(sessionId, bound);
    this.#bound.delete(sessionId);
    return null;
  }

  /** Another router bound it or used it: the first live binding wins. */
  learn({ sessionId, workerId, dpRank, sequence, writerId }: SessionBinding): void {
    const bound = this.find(sessionId) === null ? undefined : this.#bound.get(sessionId);
    if (bound === undefined || sequence < bound.sequence) {
      this.#bind(sessionId, { workerId, dpRank }, sequence, writerId, bound?.activeCount);
    } else if (sequence === bound.sequence) {
      bound.expiresAtMs = this.#now() + this.settings.ttlMs;
    }
  }

  removeWorker(workerId: bigint): void {
    for (const [id, bound] of this.#bound) if (bound.workerId === workerId) this.#bound.delete(id);
  }

  #bind(sessionId: string, rank: RankId, sequence: bigint, writerId: bigint, activeCount = 0) {
    if (this.#bound.size >= maxSessions) this.#bound.delete(this.#bound.keys().next().value!);
    this.#bound.set(sessionId, {
      ...rank,
      sequence,
      writerId,
      activeCount,
      expiresAtMs: this.#now() + this.settings.ttlMs,
    });
  }
}

function toBinding(sessionId: string, bound: Bound): SessionBinding {
  const { workerId, dpRank, sequence, writerId } = bound;
  return { sessionId, workerId, dpRank, sequence, writerId };
}

function nanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

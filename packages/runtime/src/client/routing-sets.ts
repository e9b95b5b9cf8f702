import type { Instance } from "../discovery/record.ts";

/** One stay of an instance in discovery: what was learnt of an earlier one says nothing of it. */
interface Stay {
  instance: Instance;
  /** Failures without a success in between. */
  failureCount: number;
  inhibitedUntilMs: number;
  overloadedUntilMs: number;
  /** When it may be tried although it is inhibited, if nobody else is there. */
  retryAtMs: number;
}

/** Of the instance that a request was sent to; only good for the stay that it was taken in. */
export type StayToken = object;

const firstBackoffMs = 50;
const longestBackoffMs = 1_000;

/**
 * What a client knows of the instances of its endpoint.
 * discovered ⊇ routable (not inhibited by a failure seen here) = overloaded (refused for load just now) + free.
 */
export class RoutingSets {
  readonly #stays = new Map<bigint, Stay>();
  readonly #now: () => number;

  constructor(options: { readonly now?: () => number } = {}) {
    this.#now = options.now ?? Date.now;
  }

  /** It is there, says discovery: any inhibition ends. */
  add(instance: Instance): void {
    const stay = this.#stays.get(instance.instanceId);
    if (stay !== undefined) {
      stay.instance = instance;
      stay.inhibitedUntilMs = 0;
      return;
    }
    this.#stays.set(instance.instanceId, {
      instance,
      failureCount: 0,
      inhibitedUntilMs: 0,
      overloadedUntilMs: 0,
      retryAtMs: 0,
    });
  }

  remove(instanceId: bigint): void {
    this.#stays.delete(instanceId);
  }

  get(instanceId: bigint): Instance | undefined {
    return this.#stays.get(instanceId)?.instance;
  }

  /** Names the stay for reports that come later; `undefined` when the instance is not there. */
  tokenOf(instanceId: bigint): StayToken | undefined {
    return this.#stays.get(instanceId);
  }

  /** A failure that speaks against the instance, not the request. Late reports of an earlier stay are passed over. */
  inhibit(instanceId: bigint, forMs: number, token = this.tokenOf(instanceId)): void {
    const stay = this.#current(instanceId, token);
    if (stay === undefined) return;
    const nowMs = this.#now();
    stay.inhibitedUntilMs = nowMs + forMs;
    // Requests that fail together are one failure.
    if (nowMs < stay.retryAtMs) return;
    const backoffMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** stay.failureCount);
    stay.failureCount += 1;
    stay.retryAtMs = nowMs + Math.min(backoffMs, forMs);
  }

  /** It answered. */
  succeed(instanceId: bigint, token = this.tokenOf(instanceId)): void {
    const stay = this.#current(instanceId, token);
    if (stay === undefined || stay.failureCount === 0) return;
    stay.failureCount = 0;
    stay.inhibitedUntilMs = 0;
    stay.retryAtMs = 0;
  }

  markOverloaded(instanceId: bigint, forMs: number, token = this.tokenOf(instanceId)): void {
    const stay = this.#current(instanceId, token);
    if (stay !== undefined) stay.overloadedUntilMs = this.#now() + forMs;
  }

  get discovered(): Instance[] {
    return [...this.#stays.values()].map(({ instance }) => instance);
  }

  get routable(): Instance[] {
    const nowMs = this.#now();
    return this.#where((stay) => stay.inhibitedUntilMs <= nowMs);
  }

  /** Refused a request for load just now; those that failed too are not among them. */
  get overloaded(): Instance[] {
    const nowMs = this.#now();
    return this.#where((stay) => stay.inhibitedUntilMs <= nowMs && stay.overloadedUntilMs > nowMs);
  }

  get free(): Instance[] {
    const nowMs = this.#now();
    return this.#where((stay) => Math.max(stay.inhibitedUntilMs, stay.overloadedUntilMs) <= nowMs);
  }

  /** Those worth asking now: the routable ones; where all have failed, those whose pause after that is over. */
  get ready(): Instance[] {
    const { routable } = this;
    const nowMs = this.#now();
    return routable.length > 0 ? routable : this.#where((stay) => stay.retryAtMs <= nowMs);
  }

  /** Of inhibited instances the one to try first when there are no others, and how long to wait before. */
  get lastResort(): { readonly instance: Instance; readonly waitMs: number } | undefined {
    let best: Stay | undefined;
    for (const stay of this.#stays.values()) {
      if (best === undefined || stay.retryAtMs < best.retryAtMs) best = stay;
    }
    return best && { instance: best.instance, waitMs: Math.max(0, best.retryAtMs - this.#now()) };
  }

  #where(holds: (stay: Stay) => boolean): Instance[] {
    return [...this.#stays.values()].filter(holds).map(({ instance }) => instance);
  }

  #current(instanceId: bigint, token: StayToken | undefined): Stay | undefined {
    const stay = this.#stays.get(instanceId);
    return stay !== undefined && stay === token ? stay : undefined;
  }
}

import type { Instance } from "../discovery/record.ts";

/** One stay of an instance in discovery: what was learnt of an earlier one says nothing of it. */
interface Stay {
  instance: Instance;
  /** Failures without a success in between. */
  failureCount: number;
  inhibitedUntilMs: number;
  /** How long the last inhibition was; 0: it has answered since. */
  inhibitedForMs: number;
  /** It was let in again, with one request, and others wait for the outcome. */
  isTried: boolean;
  trialMs: number;
  overloadedUntilMs: number;
  /** When it may be tried although it is inhibited, if nobody else is there. */
  retryAtMs: number;
}

/** Of the instance that a request was sent to; only good for the stay that it was taken in. */
export type StayToken = object;

const firstBackoffMs = 50;
const longestBackoffMs = 1_000;
/** An inhibition is at most so many times as long as the first. */
const longestInhibition = 8;

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
      forgive(stay);
      return;
    }
    this.#stays.set(instance.instanceId, {
      instance,
      failureCount: 0,
      inhibitedUntilMs: 0,
      inhibitedForMs: 0,
      isTried: false,
      trialMs: 0,
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

  /**
   * A failure that speaks against the instance, not the request. Late reports of an earlier stay are passed over. One that
   * fails when it is let in again stays out twice as long.
   */
  inhibit(instanceId: bigint, forMs: number, token = this.tokenOf(instanceId)): void {
    const stay = this.#current(instanceId, token);
    if (stay === undefined) return;
    const nowMs = this.#now();
    const isAgain = stay.inhibitedUntilMs <= nowMs || stay.isTried;
    const lastMs = stay.inhibitedForMs;
    if (lastMs === 0) stay.inhibitedForMs = forMs;
    else if (isAgain) stay.inhibitedForMs = Math.min(2 * lastMs, longestInhibition * forMs);
    stay.isTried = false;
    stay.trialMs = forMs;
    stay.inhibitedUntilMs = nowMs + stay.inhibitedForMs;
    // Requests that fail together are one failure.
    if (nowMs < stay.retryAtMs) return;
    const backoffMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** stay.failureCount);
    stay.failureCount += 1;
    stay.retryAtMs = nowMs + Math.min(backoffMs, forMs);
  }

  /**
   * A request is sent to it. The first one after an inhibition finds out whether the instance is back, and the others go
   * elsewhere meanwhile: a worker that says nothing costs one request, not all that come. A trial that has lasted as long
   * as the first inhibition was and has not failed counts as an answer.
   */
  tried(instanceId: bigint): void {
    const stay = this.#stays.get(instanceId);
    const nowMs = this.#now();
    if (stay === undefined || stay.inhibitedForMs === 0 || stay.inhibitedUntilMs > nowMs) return;
    if (stay.isTried) {
      forgive(stay);
      return;
    }
    stay.isTried = true;
    stay.inhibitedUntilMs = nowMs + stay.trialMs;
  }

  /** A request was taken back before its outcome: where it was the trial, the next one is. */
  left(instanceId: bigint, token = this.tokenOf(instanceId)): void {
    const stay = this.#current(instanceId, token);
    if (stay !== undefined) stay.isTried = false;
  }

  /** It answered. */
  succeed(instanceId: bigint, token = this.tokenOf(instanceId)): void {
    const stay = this.#current(instanceId, token);
    if (stay === undefined || stay.failureCount === 0) return;
    stay.failureCount = 0;
    stay.retryAtMs = 0;
    forgive(stay);
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

function forgive(stay: Stay): void {
  stay.inhibitedUntilMs = 0;
  stay.inhibitedForMs = 0;
  stay.isTried = false;
}

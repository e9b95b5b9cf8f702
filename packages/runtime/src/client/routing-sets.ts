import type { Instance } from "../discovery/record.ts";

/**
 * What a client knows of the instances of its endpoint.
 * discovered ⊇ routable (not inhibited by a failure seen here) ⊇ free (not refused as overloaded just now).
 */
export class RoutingSets {
  readonly #discovered = new Map<bigint, Instance>();
  readonly #inhibitedUntilMs = new Map<bigint, number>();
  readonly #overloadedUntilMs = new Map<bigint, number>();
  readonly #now: () => number;

  constructor(options: { readonly now?: () => number } = {}) {
    this.#now = options.now ?? Date.now;
  }

  add(instance: Instance): void {
    this.#discovered.set(instance.instanceId, instance);
    this.#inhibitedUntilMs.delete(instance.instanceId);
  }

  remove(instanceId: bigint): void {
    this.#discovered.delete(instanceId);
    this.#inhibitedUntilMs.delete(instanceId);
    this.#overloadedUntilMs.delete(instanceId);
  }

  get(instanceId: bigint): Instance | undefined {
    return this.#discovered.get(instanceId);
  }

  /** A failure that speaks against the instance, not the request. */
  inhibit(instanceId: bigint, forMs: number): void {
    if (this.#discovered.has(instanceId)) {
      this.#inhibitedUntilMs.set(instanceId, this.#now() + forMs);
    }
  }

  markOverloaded(instanceId: bigint, forMs: number): void {
    if (this.#discovered.has(instanceId)) {
      this.#overloadedUntilMs.set(instanceId, this.#now() + forMs);
    }
  }

  get discovered(): Instance[] {
    return [...this.#discovered.values()];
  }

  get routable(): Instance[] {
    return this.discovered.filter(
      ({ instanceId }) => !this.#holds(this.#inhibitedUntilMs, instanceId),
    );
  }

  get free(): Instance[] {
    return this.routable.filter(
      ({ instanceId }) => !this.#holds(this.#overloadedUntilMs, instanceId),
    );
  }

  #holds(untilMs: Map<bigint, number>, instanceId: bigint): boolean {
    const until = untilMs.get(instanceId);
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    untilMs.delete(instanceId);
    return false;
  }
}

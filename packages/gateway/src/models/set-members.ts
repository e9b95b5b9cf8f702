// The instances of a worker set, by the keys of their cards. Others of its endpoint serve another model, or another card of
// the same name: they get nothing from here.
import type { InstanceMembers } from "@dyn/runtime";

export class SetMembers implements InstanceMembers {
  /** By discovery key of the card: an instance may have several. */
  readonly #instanceIds = new Map<string, bigint>();
  /** Cards of each instance: clients ask for each of theirs whenever one comes or leaves. */
  readonly #cardCounts = new Map<bigint, number>();
  readonly #listeners = new Set<() => void>();

  /** Cards. */
  get size(): number {
    return this.#instanceIds.size;
  }

  has(instanceId: bigint): boolean {
    return this.#cardCounts.has(instanceId);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  add(key: string, instanceId: bigint): void {
    this.#drop(key);
    this.#instanceIds.set(key, instanceId);
    this.#cardCounts.set(instanceId, (this.#cardCounts.get(instanceId) ?? 0) + 1);
    this.#tell();
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    const wasThere = this.#drop(key);
    if (wasThere) this.#tell();
    return wasThere;
  }

  #drop(key: string): boolean {
    const instanceId = this.#instanceIds.get(key);
    if (instanceId === undefined) return false;
    this.#instanceIds.delete(key);
    const left = this.#cardCounts.get(instanceId)! - 1;
    if (left > 0) this.#cardCounts.set(instanceId, left);
    else this.#cardCounts.delete(instanceId);
    return true;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

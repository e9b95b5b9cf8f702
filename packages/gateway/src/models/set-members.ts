// The instances of a worker set, by the keys of their cards. Others of its endpoint serve another model, or another card of
// the same name: they get nothing from here.
import type { InstanceMembers } from "@dyn/runtime";

export class SetMembers implements InstanceMembers {
  /** By discovery key of the card: an instance may have several. */
  readonly #instanceIds = new Map<string, bigint>();
  readonly #listeners = new Set<() => void>();

  /** Cards. */
  get size(): number {
    return this.#instanceIds.size;
  }

  has(instanceId: bigint): boolean {
    for (const id of this.#instanceIds.values()) if (id === instanceId) return true;
    return false;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  add(key: string, instanceId: bigint): void {
    this.#instanceIds.set(key, instanceId);
    this.#tell();
  }

  /** Whether it was there. */
  delete(key: string): boolean {
    const wasThere = this.#instanceIds.delete(key);
    if (wasThere) this.#tell();
    return wasThere;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

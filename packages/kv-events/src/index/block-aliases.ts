// Second ids of a block: an engine may hold the same tokens twice, as two blocks with two ids that are one to a router.
// Rare, hence maps. The block is there until its last id is removed.

const maxAliases = 65_536;

export class BlockAliases {
  readonly #entries = new Map<bigint, number>();
  readonly #ids = new Map<number, bigint[]>();

  find(id: bigint): number {
    return this.#entries.get(id) ?? 0;
  }

  /** False when there are too many: the id is then not known. */
  add(id: bigint, entry: number): boolean {
    if (this.#entries.has(id)) return true;
    if (this.#entries.size >= maxAliases) return false;
    this.#entries.set(id, entry);
    const ids = this.#ids.get(entry);
    if (ids === undefined) this.#ids.set(entry, [id]);
    else ids.push(id);
    return true;
  }

  delete(id: bigint): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    const left = this.#ids.get(entry)!.filter((other) => other !== id);
    if (left.length === 0) this.#ids.delete(entry);
    else this.#ids.set(entry, left);
  }

  /** Takes one id of the entry, or `null` when it has none. */
  take(entry: number): bigint | null {
    const id = this.#ids.get(entry)?.[0];
    if (id === undefined) return null;
    this.delete(id);
    return id;
  }

  forget(entry: number): void {
    for (const id of this.#ids.get(entry) ?? []) this.#entries.delete(id);
    this.#ids.delete(entry);
  }
}

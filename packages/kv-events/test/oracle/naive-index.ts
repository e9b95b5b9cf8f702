// The index as one would write it on a napkin: a map per rank, every question answered by walking. The oracle.
import type { StorageTier, WorkerOverlap } from "@dyn/kv-events";

interface Block {
  readonly sequence: bigint;
  readonly parent: bigint | null;
  readonly tiers: Set<StorageTier>;
}

export class NaiveIndex {
  readonly #ranks = new Map<string, Map<bigint, Block>>();
  readonly #chain: (locals: BigUint64Array, previous: bigint | null) => BigUint64Array;

  constructor(chain: (locals: BigUint64Array, previous: bigint | null) => BigUint64Array) {
    this.#chain = chain;
  }

  get blockCount(): number {
    return [...this.#ranks.values()]
      .flatMap((blocks) => [...blocks.values()])
      .filter(({ tiers }) => tiers.size > 0).length;
  }

  ids(rank: string): bigint[] {
    return [...(this.#ranks.get(rank)?.keys() ?? [])];
  }

  store(
    rank: string,
    parent: bigint | null,
    ids: BigUint64Array,
    locals: BigUint64Array,
    tier: StorageTier,
  ): boolean {
    const blocks = this.#ranks.get(rank) ?? new Map<bigint, Block>();
    this.#ranks.set(rank, blocks);
    if (parent !== null && !blocks.has(parent)) return false;
    const sequences = this.#chain(locals, parent === null ? null : blocks.get(parent)!.sequence);
    for (let i = 0; i < ids.length; i++) {
      const block = blocks.get(ids[i]!) ?? { sequence: sequences[i]!, parent, tiers: new Set() };
      block.tiers.add(tier);
      blocks.set(ids[i]!, block);
      parent = ids[i]!;
    }
    return true;
  }

  /** The number of blocks that were not held. */
  remove(rank: string, ids: BigUint64Array, tier: StorageTier): number {
    const blocks = this.#ranks.get(rank);
    let unknown = 0;
    for (const id of ids) {
      if (!blocks?.get(id)?.tiers.delete(tier)) unknown += 1;
      else this.#prune(blocks, id);
    }
    return unknown;
  }

  forget(rank: string): void {
    this.#ranks.delete(rank);
  }

  find(sequences: BigUint64Array): WorkerOverlap[] {
    return [...this.#ranks].flatMap(([rank, blocks]) => {
      const [workerId, dpRank] = rank.split(":");
      const bySequence = new Map([...blocks.values()].map((block) => [block.sequence, block]));
      const leading = (...tiers: StorageTier[]) => {
        const end = sequences.findIndex(
          (sequence) => !tiers.some((tier) => bySequence.get(sequence)?.tiers.has(tier)),
        );
        return end < 0 ? sequences.length : end;
      };
      const overlap = {
        workerId: BigInt(workerId!),
        dpRank: Number(dpRank),
        deviceBlocks: leading("device"),
        hostBlocks: leading("device", "host_pinned"),
        diskBlocks: leading("device", "host_pinned", "disk", "external"),
      };
      return overlap.diskBlocks > 0 ? [overlap] : [];
    });
  }

  /** A block that is gone is remembered while another one stands on it. */
  #prune(blocks: Map<bigint, Block>, id: bigint | null): void {
    while (id !== null) {
      const block: Block = blocks.get(id)!;
      if (block.tiers.size > 0) return;
      if ([...blocks.values()].some(({ parent }) => parent === id)) return;
      blocks.delete(id);
      id = block.parent;
    }
  }
}

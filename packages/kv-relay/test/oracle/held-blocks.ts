// What a cache holds as the plainest data there is: id of each block, with its parent and its local hash.
import {
  createBlockHasher,
  type EngineEvent,
  type RouterEvent,
  type UnnumberedEvent,
} from "@dyn/kv-events";

const hasher = createBlockHasher();

export class HeldBlocks {
  readonly #blocks = new Map<bigint, string>();

  /** Sorted, to be compared. */
  content(): string[] {
    return [...this.#blocks].map(([id, block]) => `${id} ${block}`).sort();
  }

  get ids(): ReadonlySet<bigint> {
    return new Set(this.#blocks.keys());
  }

  applyEngine(event: EngineEvent): void {
    if (event.type === "cleared") this.#blocks.clear();
    else if (event.type === "removed") this.#remove(event.blockHashes);
    else {
      const { blockSize, tokenIds, cacheSalt, blockHashes } = event;
      let parent =
        event.parentBlockHash === null ? null : BigInt.asUintN(64, event.parentBlockHash);
      Array.from(blockHashes).forEach((hash, i) => {
        const tokens = tokenIds.subarray(i * blockSize, (i + 1) * blockSize);
        const [local] = hasher.hashBlocks(tokens, { blockSize, cacheSalt });
        const id = BigInt.asUintN(64, hash);
        this.#blocks.set(id, `${local} below ${parent}`);
        parent = id;
      });
    }
  }

  applyRouter({ data }: RouterEvent | UnnumberedEvent): void {
    if (data.type === "cleared") this.#blocks.clear();
    else if (data.type === "removed") this.#remove(data.blockHashes);
    else {
      let parent = data.parentHash;
      data.blockHashes.forEach((id, i) => {
        this.#blocks.set(id, `${data.tokensHashes[i]} below ${parent}`);
        parent = id;
      });
    }
  }

  #remove(hashes: Iterable<bigint>): void {
    for (const hash of hashes) this.#blocks.delete(BigInt.asUintN(64, hash));
  }
}

export function contentOf(events: Iterable<RouterEvent>): string[] {
  const held = new HeldBlocks();
  for (const event of events) held.applyRouter(event);
  return held.content();
}

// Turns changes of the radix tree into KV events. Hashes are made here, and only while somebody listens.
import type { BlockHash, KvEvent } from "../contract/kv-event.ts";
import type { CacheNamespace } from "./cache-namespace.ts";
import { digestBytes, digestToBlockHash, hashPages, saltToDigest } from "./page-hash.ts";
import type { RadixNode } from "./radix-node.ts";

export class KvEventLog {
  readonly #pageSize: number;
  #recording = false;
  #events: KvEvent[] = [];
  /** Hashes of the removal that is last in #events and may still grow. */
  #openRemoval: BlockHash[] | null = null;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  record(on: boolean): void {
    this.#recording = on;
    if (!on) this.take();
  }

  stored(namespace: CacheNamespace, node: RadixNode): void {
    if (this.#recording) this.#push(this.#describe(namespace, node));
  }

  /** Nodes evicted one after the other make one event, as SGLang sends them. */
  removed(namespace: CacheNamespace, node: RadixNode): void {
    if (!this.#recording) return;
    const hashes = nodeToHashes(this.#ensureDigests(namespace, node));
    if (this.#openRemoval !== null) {
      for (const hash of hashes) this.#openRemoval.push(hash);
      return;
    }
    this.#push({ type: "removed", blockHashes: hashes });
    this.#openRemoval = hashes;
  }

  cleared(): void {
    if (this.#recording) this.#push({ type: "cleared" });
  }

  take(): KvEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    this.#openRemoval = null;
    return events;
  }

  /** The event that would have stored this node. */
  describe(namespace: CacheNamespace, node: RadixNode): KvEvent {
    return this.#describe(namespace, node);
  }

  #push(event: KvEvent): void {
    this.#openRemoval = null;
    this.#events.push(event);
  }

  #describe(namespace: CacheNamespace, node: RadixNode): KvEvent {
    const digests = this.#ensureDigests(namespace, node);
    const parent = node.parent!;
    return {
      type: "stored",
      blockHashes: nodeToHashes(digests),
      parentBlockHash:
        parent.digests === null ? null : digestToBlockHash(parent.digests, parent.pages.length - 1),
      tokenIds: node.tokens,
      blockSize: this.#pageSize,
      cacheSalt: namespace.cacheSalt,
    };
  }

  /** Hashes the node and those ancestors that nobody hashed yet. A root has no digests. */
  #ensureDigests(namespace: CacheNamespace, node: RadixNode): Uint8Array {
    const path: RadixNode[] = [];
    let at = node;
    while (at.digests === null && at.parent !== null) {
      path.push(at);
      at = at.parent;
    }
    let link = at.digests === null ? saltToDigest(namespace.cacheSalt) : lastDigest(at.digests);
    for (let i = path.length - 1; i >= 0; i--) {
      const next = path[i]!;
      next.digests = hashPages(next.tokens, this.#pageSize, link);
      link = lastDigest(next.digests);
    }
    return node.digests!;
  }
}

function lastDigest(digests: Uint8Array): Uint8Array {
  return digests.subarray(digests.length - digestBytes);
}

function nodeToHashes(digests: Uint8Array): BlockHash[] {
  const hashes: BlockHash[] = [];
  for (let page = 0; page * digestBytes < digests.length; page++) {
    hashes.push(digestToBlockHash(digests, page));
  }
  return hashes;
}

import type { RadixNode } from "./radix-node.ts";

/**
 * The unlocked nodes, least recently used first. Every operation is O(1).
 *
 * A node is always newer than its unlocked descendants, because a path is touched from its deepest
 * node upwards: so the oldest node is a leaf, and eviction never searches.
 */
export class NodeList {
  oldest: RadixNode | null = null;
  #newest: RadixNode | null = null;

  append(node: RadixNode): void {
    node.older = this.#newest;
    node.newer = null;
    if (this.#newest === null) this.oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  remove(node: RadixNode): void {
    if (node.older === null) this.oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === null) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = null;
    node.newer = null;
  }

  touch(node: RadixNode): void {
    if (this.#newest === node) return;
    this.remove(node);
    this.append(node);
  }

  /** Puts `node` right after `reference`: the upper half of a split. */
  insertAfter(reference: RadixNode, node: RadixNode): void {
    node.older = reference;
    node.newer = reference.newer;
    if (reference.newer === null) this.#newest = node;
    else reference.newer.older = node;
    reference.newer = node;
  }

  clear(): void {
    this.oldest = null;
    this.#newest = null;
  }
}

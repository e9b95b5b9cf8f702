import type { CacheNode } from "./page-cache.ts";
import { digestBytes } from "./page-hash.ts";

/** A run of pages that every cached prefix below it shares. */
export class RadixNode implements CacheNode {
  /** `null` for the root of a namespace. */
  parent: RadixNode | null;
  /** [pages.length x pageSize] */
  tokens: Uint32Array;
  pages: Int32Array;
  /** By hash of the child's first page; equal hashes are chained by nextSibling. `null` = a leaf. */
  children: Map<number, RadixNode> | null = null;
  nextSibling: RadixNode | null = null;
  /** Hash of the own first page: the key among the parent's children. */
  firstPageHash: number;
  lockCount = 0;
  /** SHA-256 chain, [pages.length x 32]; `null` until wanted. */
  digests: Uint8Array | null = null;

  /** Links of the list of unlocked nodes. */
  older: RadixNode | null = null;
  newer: RadixNode | null = null;

  constructor(
    parent: RadixNode | null,
    tokens: Uint32Array,
    pages: Int32Array,
    firstPageHash: number,
  ) {
    this.parent = parent;
    this.tokens = tokens;
    this.pages = pages;
    this.firstPageHash = firstPageHash;
  }

  /** Becomes the deeper half of a split: its first `pageCount` pages went to `upper`. */
  rekey(upper: RadixNode, pageCount: number, tokenCount: number, firstPageHash: number): void {
    this.parent = upper;
    this.tokens = this.tokens.subarray(tokenCount);
    this.pages = this.pages.subarray(pageCount);
    this.firstPageHash = firstPageHash;
    if (this.digests !== null) {
      upper.digests = this.digests.subarray(0, pageCount * digestBytes);
      this.digests = this.digests.subarray(pageCount * digestBytes);
    }
  }
}

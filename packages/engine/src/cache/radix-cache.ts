// The radix tree that owns cached pages. It never looks at requests, and never writes KV.
import { InternalError } from "@dyn/protocol";
import type { KvEvent } from "../contract/kv-event.ts";
import { type CacheNamespace, namespaceToKey } from "./cache-namespace.ts";
import { KvEventLog } from "./kv-event-log.ts";
import { NodeList } from "./node-list.ts";
import type { PageCache, PrefixMatch } from "./page-cache.ts";
import type { PagePool } from "./page-pool.ts";
import { RadixNode } from "./radix-node.ts";

interface NamespaceRoot {
  readonly key: string;
  readonly namespace: CacheNamespace;
  readonly node: RadixNode;
}

const noTokens = new Uint32Array(0);
const noPages = new Int32Array(0);

export class RadixCache implements PageCache<RadixNode> {
  readonly #pageSize: number;
  readonly #pool: PagePool;
  readonly #roots = new Map<string, NamespaceRoot>();
  readonly #rootOf = new WeakMap<RadixNode, NamespaceRoot>();
  readonly #unlocked = new NodeList();
  readonly #events: KvEventLog;
  #evictablePages = 0;
  #protectedPages = 0;

  constructor(options: { pageSize: number; pool: PagePool }) {
    this.#pageSize = options.pageSize;
    this.#pool = options.pool;
    this.#events = new KvEventLog(options.pageSize);
  }

  get evictablePages(): number {
    return this.#evictablePages;
  }

  get protectedPages(): number {
    return this.#protectedPages;
  }

  /** Namespaces that hold pages. */
  get namespaceCount(): number {
    return this.#roots.size;
  }

  match(
    namespace: CacheNamespace,
    tokens: Uint32Array,
    limit: number,
    pages?: Int32Array,
  ): PrefixMatch<RadixNode> {
    const root = this.#roots.get(namespaceToKey(namespace));
    if (root === undefined) return { pageCount: 0, node: null };
    const wanted = Math.floor(limit / this.#pageSize);
    let node = root.node;
    let found = 0;
    while (found < wanted) {
      const child = this.#findChild(node, tokens, found);
      if (child === null) break;
      const equal = this.#equalPages(child, tokens, found, wanted);
      pages?.set(
        equal === child.pages.length ? child.pages : child.pages.subarray(0, equal),
        found,
      );
      found += equal;
      if (equal < child.pages.length) {
        node = this.#split(child, equal);
        break;
      }
      node = child;
    }
    this.#touchPath(node);
    return { pageCount: found, node: node === root.node ? null : node };
  }

  insert(
    namespace: CacheNamespace,
    tokens: Uint32Array,
    pages: Int32Array,
    pageCount: number,
    ownedFrom: number,
  ): RadixNode | null {
    if (pageCount === 0) return null;
    const root = this.#root(namespace);
    let node = root.node;
    let at = 0;
    while (at < pageCount) {
      const child = this.#findChild(node, tokens, at);
      if (child === null) break;
      const equal = this.#equalPages(child, tokens, at, pageCount);
      this.#adopt(child, pages, at, equal, ownedFrom);
      at += equal;
      node = equal < child.pages.length ? this.#split(child, equal) : child;
    }
    if (at < pageCount) {
      if (at < ownedFrom) throw new InternalError("A shared prefix is no longer in the cache.");
      node = this.#addLeaf(node, tokens, pages, at, pageCount);
      this.#events.stored(namespace, node);
    }
    this.#touchPath(node);
    return node;
  }

  lock(node: RadixNode): void {
    for (let at = node; at.parent !== null; at = at.parent) {
      if (at.lockCount++ === 0) {
        this.#unlocked.remove(at);
        this.#evictablePages -= at.pages.length;
        this.#protectedPages += at.pages.length;
      }
    }
  }

  unlock(node: RadixNode): void {
    for (let at = node; at.parent !== null; at = at.parent) {
      if (at.lockCount === 0) throw new InternalError("A cache node was unlocked too often.");
      if (--at.lockCount === 0) {
        this.#unlocked.append(at);
        this.#protectedPages -= at.pages.length;
        this.#evictablePages += at.pages.length;
      }
    }
  }

  evict(pageCount: number): number {
    let freed = 0;
    while (freed < pageCount) {
      const leaf = this.#unlocked.oldest;
      if (leaf === null) break;
      this.#remove(leaf);
      freed += leaf.pages.length;
    }
    return freed;
  }

  reset(): void {
    if (this.#protectedPages > 0) throw new InternalError("A cache in use cannot be reset.");
    for (const { node } of this.#roots.values()) {
      forEachNode(node, (at) => this.#pool.freeRange(at.pages, 0, at.pages.length));
    }
    this.#roots.clear();
    this.#unlocked.clear();
    this.#evictablePages = 0;
    this.#events.cleared();
  }

  recordEvents(on: boolean): void {
    this.#events.record(on);
  }

  takeEvents(): KvEvent[] {
    return this.#events.take();
  }

  describe(): KvEvent[] {
    const events: KvEvent[] = [{ type: "cleared" }];
    for (const { node, namespace } of this.#roots.values()) {
      forEachNode(node, (at) => events.push(this.#events.describe(namespace, at)));
    }
    return events;
  }

  /** Every node, parents before children. For tests and for looking inside. */
  forEach(visit: (node: RadixNode, namespace: CacheNamespace) => void): void {
    for (const { node, namespace } of this.#roots.values()) {
      forEachNode(node, (at) => visit(at, namespace));
    }
  }

  #root(namespace: CacheNamespace): NamespaceRoot {
    const key = namespaceToKey(namespace);
    let root = this.#roots.get(key);
    if (root === undefined) {
      root = { key, namespace, node: new RadixNode(null, noTokens, noPages, 0) };
      this.#roots.set(key, root);
      this.#rootOf.set(root.node, root);
    }
    return root;
  }

  /** Pages of `child` that continue tokens at page `at`; at least 1, since the first was compared. */
  #equalPages(child: RadixNode, tokens: Uint32Array, at: number, wanted: number): number {
    const size = this.#pageSize;
    const end = Math.min(child.pages.length, wanted - at) * size;
    const offset = at * size;
    const key = child.tokens;
    let i = size;
    while (i < end && key[i] === tokens[offset + i]) i++;
    return Math.floor(i / size);
  }

  #findChild(node: RadixNode, tokens: Uint32Array, at: number): RadixNode | null {
    if (node.children === null) return null;
    const offset = at * this.#pageSize;
    let child = node.children.get(this.#hashPage(tokens, offset)) ?? null;
    while (child !== null && !this.#isFirstPage(child, tokens, offset)) child = child.nextSibling;
    return child;
  }

  #isFirstPage(child: RadixNode, tokens: Uint32Array, offset: number): boolean {
    const key = child.tokens;
    for (let i = 0; i < this.#pageSize; i++) if (key[i] !== tokens[offset + i]) return false;
    return true;
  }

  /** 31 bits, so that it stays a small integer. Only spreads children: equality is checked on tokens. */
  #hashPage(tokens: Uint32Array, offset: number): number {
    let hash = 0x811c9dc5;
    for (let i = 0; i < this.#pageSize; i++) {
      hash = Math.imul(hash ^ tokens[offset + i]!, 0x01000193);
      hash ^= hash >>> 15;
    }
    return hash & 0x3fffffff;
  }

  /** The caller's duplicates of child.pages[0 .. count) are freed; its table gets the cached ids. */
  #adopt(child: RadixNode, pages: Int32Array, at: number, count: number, ownedFrom: number): void {
    for (let i = 0; i < count; i++) {
      const cached = child.pages[i]!;
      const own = pages[at + i]!;
      if (own === cached) continue;
      if (at + i < ownedFrom) throw new InternalError("A shared page is not the cached one.");
      this.#pool.free(own);
      pages[at + i] = cached;
    }
  }

  #addLeaf(
    parent: RadixNode,
    tokens: Uint32Array,
    pages: Int32Array,
    from: number,
    to: number,
  ): RadixNode {
    const size = this.#pageSize;
    const leaf = new RadixNode(
      parent,
      tokens.slice(from * size, to * size),
      pages.slice(from, to),
      this.#hashPage(tokens, from * size),
    );
    this.#attach(leaf, parent);
    this.#unlocked.append(leaf);
    this.#evictablePages += to - from;
    return leaf;
  }

  /** Keeps `lower` as the deeper half, so that who holds it still holds the whole prefix. Returns the new upper half. */
  #split(lower: RadixNode, pageCount: number): RadixNode {
    const cut = pageCount * this.#pageSize;
    const parent = lower.parent!;
    this.#detach(lower, parent);
    const upper = new RadixNode(
      parent,
      lower.tokens.subarray(0, cut),
      lower.pages.subarray(0, pageCount),
      lower.firstPageHash,
    );
    upper.lockCount = lower.lockCount;
    this.#attach(upper, parent);
    const hash = this.#hashPage(lower.tokens, cut);
    lower.rekey(upper, pageCount, cut, hash);
    this.#attach(lower, upper);
    if (upper.lockCount === 0) this.#unlocked.insertAfter(lower, upper);
    return upper;
  }

  #attach(child: RadixNode, parent: RadixNode): void {
    parent.children ??= new Map();
    child.nextSibling = parent.children.get(child.firstPageHash) ?? null;
    parent.children.set(child.firstPageHash, child);
  }

  #detach(child: RadixNode, parent: RadixNode): void {
    const children = parent.children!;
    const first = children.get(child.firstPageHash)!;
    if (first === child) {
      if (child.nextSibling === null) children.delete(child.firstPageHash);
      else children.set(child.firstPageHash, child.nextSibling);
    } else {
      let at = first;
      while (at.nextSibling !== child) at = at.nextSibling!;
      at.nextSibling = child.nextSibling;
    }
    child.nextSibling = null;
    if (children.size === 0) parent.children = null;
  }

  #remove(leaf: RadixNode): void {
    if (leaf.children !== null) throw new InternalError("The oldest cache node is not a leaf.");
    const root = this.#namespaceRoot(leaf);
    this.#events.removed(root.namespace, leaf);
    this.#unlocked.remove(leaf);
    this.#detach(leaf, leaf.parent!);
    this.#pool.freeRange(leaf.pages, 0, leaf.pages.length);
    this.#evictablePages -= leaf.pages.length;
    if (root.node.children === null) this.#roots.delete(root.key);
  }

  #namespaceRoot(node: RadixNode): NamespaceRoot {
    let at = node;
    while (at.parent !== null) at = at.parent;
    return this.#rootOf.get(at)!;
  }

  /** Upwards, so that a parent is newer than its children. */
  #touchPath(node: RadixNode): void {
    for (let at = node; at.parent !== null; at = at.parent) {
      if (at.lockCount === 0) this.#unlocked.touch(at);
    }
  }
}

function forEachNode(root: RadixNode, visit: (node: RadixNode) => void): void {
  const stack: RadixNode[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.parent !== null) visit(node);
    for (const first of node.children?.values() ?? []) {
      for (let child: RadixNode | null = first; child !== null; child = child.nextSibling) {
        stack.push(child);
      }
    }
  }
}

// One collection of the fake Kubernetes API: objects by name, and the changes that watches are told from.

export interface KubeMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  ownerReferences?: { readonly kind: string; readonly name: string; readonly uid: string }[];
}

export interface KubeItem {
  metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

export interface KubeChange {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly version: number;
  readonly object: KubeItem;
  /** Before the change, for selectors that no longer match. */
  readonly before?: KubeItem;
}

export class KubeCollection {
  readonly apiVersion: string;
  readonly kind: string;
  readonly #items = new Map<string, KubeItem>();
  readonly #nextVersion: () => number;
  readonly #listeners = new Set<(change: KubeChange) => void>();
  #history: KubeChange[] = [];
  /** Changes up to here are forgotten. */
  #compactedTo = 0;
  #uidCount = 0;

  constructor(apiVersion: string, kind: string, nextVersion: () => number) {
    this.apiVersion = apiVersion;
    this.kind = kind;
    this.#nextVersion = nextVersion;
  }

  list(selector: (item: KubeItem) => boolean): KubeItem[] {
    return [...this.#items.values()].filter(selector);
  }

  get(name: string): KubeItem | undefined {
    return this.#items.get(name);
  }

  /** As an apply of one manager that owns everything. A change without a difference is none. */
  put(given: KubeItem): KubeItem {
    const before = this.#items.get(given.metadata.name);
    if (before !== undefined && sameContent(before, given)) return before;
    const version = this.#nextVersion();
    const object: KubeItem = {
      ...given,
      apiVersion: this.apiVersion,
      kind: this.kind,
      metadata: {
        ...given.metadata,
        uid: before?.metadata.uid ?? `${this.kind}-${++this.#uidCount}`,
        generation: (before?.metadata.generation ?? 0) + 1,
        resourceVersion: String(version),
      },
    };
    this.#items.set(given.metadata.name, object);
    const type = before === undefined ? "ADDED" : "MODIFIED";
    this.#tell({ type, version, object, ...(before === undefined ? {} : { before }) });
    return object;
  }

  delete(name: string): KubeItem | undefined {
    const before = this.#items.get(name);
    if (before === undefined) return undefined;
    this.#items.delete(name);
    const version = this.#nextVersion();
    const metadata = { ...before.metadata, resourceVersion: String(version) };
    this.#tell({ type: "DELETED", version, object: { ...before, metadata }, before });
    return before;
  }

  /** `null` when what followed the version is forgotten. */
  changesSince(version: number): KubeChange[] | null {
    if (version < this.#compactedTo) return null;
    return this.#history.filter((change) => change.version > version);
  }

  compact(version: number): void {
    this.#compactedTo = version;
    this.#history = [];
  }

  /** Gives back how to end it. */
  listen(listener: (change: KubeChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A change that changes nothing, so that watchers learn the version. */
  bookmark(version: number): void {
    const object: KubeItem = {
      apiVersion: this.apiVersion,
      kind: this.kind,
      metadata: { name: "", resourceVersion: String(version) },
    };
    for (const listener of this.#listeners) listener({ type: "BOOKMARK", version, object });
  }

  #tell(change: KubeChange): void {
    this.#history.push(change);
    for (const listener of this.#listeners) listener(change);
  }
}

function sameContent(before: KubeItem, given: KubeItem): boolean {
  const { metadata: a, apiVersion: _a, kind: _k, ...contentBefore } = before;
  const { metadata: b, apiVersion: _b, kind: _l, ...contentGiven } = given;
  return (
    JSON.stringify(contentBefore) === JSON.stringify(contentGiven) &&
    JSON.stringify(a.labels) === JSON.stringify(b.labels)
  );
}

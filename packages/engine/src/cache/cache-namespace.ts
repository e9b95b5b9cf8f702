/** Requests share cached pages only within one namespace. */
export interface CacheNamespace {
  /** Enters block hashes. */
  readonly cacheSalt: string | null;
  /** Does not enter block hashes. */
  readonly extraKey: string | null;
}

/** Injective: equal strings mean equal namespaces. */
export function namespaceToKey(namespace: CacheNamespace): string {
  const { cacheSalt, extraKey } = namespace;
  if (cacheSalt === null && extraKey === null) return "";
  return JSON.stringify([cacheSalt, extraKey]);
}

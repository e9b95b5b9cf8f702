// KV as bytes that do not depend on pages: how it leaves one executor and enters another.

/**
 * What the bytes of a token are. Two engines can hand over to each other when all of this is equal but `pageSize`,
 * which each side converts from and to.
 */
export interface KvLayout {
  /** Names the arrangement below; another one needs another name. `[pool, head, token, dim]`: KV of a run of tokens. */
  readonly format: string;
  readonly elementType: string;
  readonly layerCount: number;
  /** Of this rank. */
  readonly kvHeadCount: number;
  readonly headDim: number;
  /** Ranks that the heads are divided among. */
  readonly tensorParallelSize: number;
  readonly bytesPerToken: number;
  readonly pageSize: number;
}

/**
 * Reads and writes the KV of runs of tokens. A run lies in `bytes` from 0 on, `count` x bytesPerToken long.
 * `pages` is a sequence's page table: token t lies in pages[floor(t / pageSize)].
 *
 * Invariants:
 * - calls may come while a step is computed, but only for pages that the step does not write;
 * - the caller keeps the pages until the promise settles;
 * - with `computesCrc32c`, both answer with the CRC-32C of the bytes as they were moved, so that nobody has to go over them
 *   again; else with nothing. An import whose checksum is not the one expected has left damaged bytes in the pages.
 */
export interface KvStore {
  readonly layout: KvLayout;
  /** Default false. */
  readonly computesCrc32c?: boolean;
  exportTokens(
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
  ): KvMoved | Promise<KvMoved>;
  importTokens(
    pages: Int32Array,
    start: number,
    count: number,
    bytes: Uint8Array,
  ): KvMoved | Promise<KvMoved>;
}

/** CRC-32C of a run (RFC 3720), or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: what stores without checksums return
export type KvMoved = number | void;

/** Ids are SGLang's: the first 8 bytes of a chained SHA-256 over page tokens, signed 64 bit. */
export type BlockHash = bigint;

export type KvEvent =
  | {
      readonly type: "stored";
      readonly blockHashes: readonly BlockHash[];
      /** The page before the first one; `null` at the root. */
      readonly parentBlockHash: BlockHash | null;
      /** Tokens of all pages, in order. Length = blockHashes.length x blockSize. */
      readonly tokenIds: Uint32Array;
      /** Tokens of one page. */
      readonly blockSize: number;
      readonly cacheSalt: string | null;
    }
  | { readonly type: "removed"; readonly blockHashes: readonly BlockHash[] }
  | { readonly type: "cleared" };

/** Events of one scheduler step, in order. */
export interface KvEventBatch {
  /** Unix time in seconds. */
  readonly timestamp: number;
  readonly events: readonly KvEvent[];
}

export interface KvIndexOptions {
  /** Where old blocks make room for new ones. Default: at 59 million blocks, about 4 GB. */
  readonly maxBytes?: number;
  /** Blocks that made room. Their worker still has them: the index knows less than there is, never more. */
  readonly onEvicted?: (blockCount: number) => void;
}

/** What an index has seen, from its start on. */
export interface KvIndexCounters {
  storedBlocks: number;
  removedBlocks: number;
  clears: number;
  /** Stored events without a place. More than a few tell of lost events. */
  unknownParents: number;
  /** Removed blocks that were not held: lost events, or evicted here. */
  unknownBlocks: number;
  /** Ids that an engine gave to another block without removing the first. */
  reusedIds: number;
  evictedBlocks: number;
  /** Stored events with a block that their rank held already in that tier. */
  repeatedStores: number;
}

/** How much of a prompt a worker's rank holds, in blocks from the prompt's start. */
export interface WorkerOverlap {
  readonly workerId: bigint;
  readonly dpRank: number;
  /** Leading blocks on the device. */
  readonly deviceBlocks: number;
  /** Leading blocks on the device or in host memory; never less. */
  readonly hostBlocks: number;
  /** Leading blocks in any tier; never less. */
  readonly diskBlocks: number;
}

export interface FindOptions {
  /** Stop where one worker is left: its figures may then be less than it holds. Default false. */
  readonly isEarlyExit?: boolean;
}

/** What routes requests may ask, whether events or earlier decisions fill the index. */
export interface PrefixIndex {
  /** Of every worker that holds the first block, in no order. */
  findMatches(sequenceHashes: BigUint64Array, options?: FindOptions): WorkerOverlap[];
  /** The same by local hashes; sequence hashes are made as far as needed. */
  findMatchesByLocal(localHashes: BigUint64Array, options?: FindOptions): WorkerOverlap[];
  /** At once; one rank, or all of them. */
  removeWorker(workerId: bigint, dpRank?: number): void;
  /** Blocks of all workers, each counted for each that holds it. */
  readonly blockCount: number;
  readonly sizeBytes: number;
}

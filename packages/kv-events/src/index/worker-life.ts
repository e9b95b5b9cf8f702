import type { BlockAliases } from "./block-aliases.ts";
import type { BlockTable } from "./block-table.ts";

/** One life of a (worker, rank): a clear ends it at once, its entries are taken back later. */
export interface WorkerLife {
  readonly slot: number;
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly table: BlockTable;
  aliases: BlockAliases | null;
  /** Blocks held in any tier. */
  blockCount: number;
  lackingCount: number;
  rootCount: number;
  isOver: boolean;
}

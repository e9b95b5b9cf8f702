// The two kinds of flat records, 6 words of 32 bits each. wasm/block-core.ts writes them too.
//
//   node   one prefix, whoever holds it. [S low, S high, L low, L high, first entry,
//          listed (1 bit) | depth modulo 8 (3) | entry count (24)]
//   entry  one block of one worker. [id low, id high, node, parent entry, next entry of the node,
//          worker slot (16 bits) | tiers (4) | referenced (1) | children (11)]
export const recordWords = 6;
export const nodeWord = { sequence: 0, local: 2, firstEntry: 4, meta: 5 } as const;
/** Depths from one node that is always in the table to the next: a power of two. */
export const listedDepths = 8;
/** Of the worker in `meta` of an entry. */
export const slotShift = 16;
export const entryWord = { id: 0, node: 2, parent: 3, next: 4, meta: 5 } as const;

/** A key in two words, as a number. */
export function join(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

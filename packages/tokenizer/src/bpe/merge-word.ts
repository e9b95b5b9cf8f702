// Byte-pair merging of one word: the pair of the lowest rank first, the leftmost of equals.
import { MergeHeap } from "./merge-heap.ts";
import type { MergeTable } from "./merge-table.ts";

/** Above this many symbols the scan over all pairs costs more than a heap. */
const SCAN_LIMIT = 48;
const NEVER = 0x7fffffff;
const scanRanks = new Int32Array(SCAN_LIMIT);

/** Merges the first `count` symbols of `symbols` in place; returns how many are left. */
export function mergeWord(symbols: Int32Array, count: number, table: MergeTable): number {
  return count <= SCAN_LIMIT
    ? mergeByScan(symbols, count, table)
    : mergeByHeap(symbols, count, table);
}

function mergeByScan(symbols: Int32Array, count: number, table: MergeTable): number {
  const ranks = scanRanks;
  const rankAt = (at: number): number => {
    const rank = table.rank(symbols[at]!, symbols[at + 1]!);
    return rank < 0 ? NEVER : rank;
  };
  let last = count - 1;
  for (let i = 0; i < last; i++) ranks[i] = rankAt(i);
  while (last > 0) {
    let best = NEVER;
    let at = 0;
    for (let i = 0; i < last; i++) {
      if (ranks[i]! < best) {
        best = ranks[i]!;
        at = i;
      }
    }
    if (best === NEVER) break;
    symbols[at] = table.merged[best]!;
    last--;
    for (let i = at + 1; i <= last; i++) {
      symbols[i] = symbols[i + 1]!;
      ranks[i] = ranks[i + 1]!;
    }
    if (at < last) ranks[at] = rankAt(at);
    if (at > 0) ranks[at - 1] = rankAt(at - 1);
  }
  return last + 1;
}

/** A linked list of symbols and a heap of pairs; a pair that is no longer there is passed over. */
function mergeByHeap(symbols: Int32Array, count: number, table: MergeTable): number {
  const next = new Int32Array(count);
  const previous = new Int32Array(count);
  const heap = new MergeHeap(count);
  const offer = (at: number): void => {
    const rank = table.rank(symbols[at]!, symbols[next[at]!]!);
    if (rank >= 0) heap.push(rank, at);
  };
  for (let i = 0; i < count; i++) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (let i = 0; i + 1 < count; i++) offer(i);
  while (heap.size > 0) {
    const rank = heap.topRank;
    const at = heap.topPosition;
    heap.pop();
    const right = next[at]!;
    if (symbols[at]! < 0 || right >= count) continue;
    if (table.rank(symbols[at]!, symbols[right]!) !== rank) continue;
    symbols[at] = table.merged[rank]!;
    symbols[right] = -1;
    const after = next[right]!;
    next[at] = after;
    if (after < count) {
      previous[after] = at;
      offer(at);
    }
    if (previous[at]! >= 0) offer(previous[at]!);
  }
  let left = 0;
  for (let i = 0; i < count; i = next[i]!) symbols[left++] = symbols[i]!;
  return left;
}

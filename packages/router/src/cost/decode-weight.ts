/** What a running block weighs beside one to prefill while there is room. */
const leastWeight = 1 / 16;

/**
 * Weight of a rank's running blocks beside blocks to prefill. A prefill is waited for; a decode is waited for by nobody
 * until it takes the memory that others need. So running blocks count in full where KV is full, and next to nothing up to
 * the half of it. `totalKvBlocks`: 0 = unknown, which counts in full as well.
 */
export function decodeWeight(decodeBlocks: number, totalKvBlocks: number): number {
  if (totalKvBlocks <= 0) return 1;
  return Math.min(1, Math.max(leastWeight, (decodeBlocks / totalKvBlocks) ** 4));
}

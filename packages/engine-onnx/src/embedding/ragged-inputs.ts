// The integers that the ragged graph reads for one run. Letters as in graph/ragged-attention.ts.
import type { RowSlice } from "../executor/row-slice.ts";

export interface RaggedInputs {
  readonly rowCount: number;
  /** S */
  readonly slotCount: number;
  readonly tokenIds: Int32Array;
  readonly positions: BigInt64Array;
  readonly slotTokens: Int32Array;
  readonly tokenSlots: Int32Array;
  readonly lastPositions: Int32Array;
  /** Past and new tokens of the longest row. */
  readonly longest: number;
}

export function buildRaggedInputs(
  batchTokenIds: Int32Array,
  slices: readonly RowSlice[],
): RaggedInputs {
  const rowCount = slices.length;
  const slotCount = Math.max(...slices.map(({ length }) => length));
  const tokenCount = slices.reduce((sum, { length }) => sum + length, 0);
  const tokenIds = new Int32Array(tokenCount);
  const positions = new BigInt64Array(tokenCount);
  const slotTokens = new Int32Array(rowCount * slotCount);
  const tokenSlots = new Int32Array(tokenCount);
  const lastPositions = new Int32Array(rowCount);
  let token = 0;
  for (const [b, { tokenStart, length, pastLength }] of slices.entries()) {
    tokenIds.set(batchTokenIds.subarray(tokenStart, tokenStart + length), token);
    const slot = b * slotCount;
    slotTokens.fill(token, slot, slot + slotCount);
    for (let i = 0; i < length; i++) {
      positions[token + i] = BigInt(pastLength + i);
      slotTokens[slot + i] = token + i;
      tokenSlots[token + i] = slot + i;
    }
    lastPositions[b] = pastLength + length - 1;
    token += length;
  }
  const longest = Math.max(...slices.map(({ pastLength }) => pastLength)) + slotCount;
  return {
    rowCount,
    slotCount,
    tokenIds,
    positions,
    slotTokens,
    tokenSlots,
    lastPositions,
    longest,
  };
}

// Turns rows of a batch into what the paged attention of the graph reads: index lists, masks, shapes.
import type { ModelConfig } from "@dyn/model-files";
import type { RowSlice } from "./row-slice.ts";

/** Far below every score, and finite: a sum of two must not become NaN. */
const hidden = -1e9;

export interface AttentionInputs {
  readonly rowCount: number;
  /** Q */
  readonly slotCount: number;
  /** P */
  readonly pageCount: number;
  /** M */
  readonly maskRows: number;
  readonly slotTokens: Int32Array;
  readonly tokenSlots: Int32Array;
  readonly pages: Int32Array;
  readonly pastMask: Float32Array;
  readonly newMask: Float32Array;
}

type Shape = Pick<ModelConfig, "headCount" | "kvHeadCount" | "slidingWindow">;

/** Letters as in graph/paged-attention.ts. */
export function buildAttentionInputs(
  shape: Shape,
  pageSize: number,
  slices: readonly RowSlice[],
  pageTable: Int32Array,
  pagesPerRow: number,
): AttentionInputs {
  const rowCount = slices.length;
  const slotCount = Math.max(...slices.map(({ length }) => length));
  const window = shape.slidingWindow ?? Number.POSITIVE_INFINITY;
  const ranges = slices.map((slice) => pageRange(slice, pageSize, window));
  const pageCount = Math.max(...ranges.map(({ first, end }) => end - first));
  const group = shape.headCount / shape.kvHeadCount;

  const { slotTokens, tokenSlots } = buildSlots(slices, slotCount);
  const pages = new Int32Array(rowCount * pageCount);
  for (const [b, { first, end }] of ranges.entries()) {
    const start = slices[b]!.row * pagesPerRow;
    pages.set(pageTable.subarray(start + first, start + end), b * pageCount);
  }

  const pastSize = pageCount * pageSize;
  const windowCutsPast = slices.some(({ pastLength, length }) => pastLength + length > window);
  const maskRows = windowCutsPast ? group * slotCount : 1;
  const pastMask = new Float32Array(rowCount * maskRows * pastSize);
  for (const [b, { pastLength, length }] of slices.entries()) {
    const origin = ranges[b]!.first * pageSize;
    for (let m = 0; m < maskRows; m++) {
      const start = (b * maskRows + m) * pastSize;
      pastMask.fill(hidden, start + pastLength - origin, start + pastSize);
      if (!windowCutsPast) continue;
      const position = pastLength + Math.min(m % slotCount, length - 1);
      const visibleFrom = Math.min(Math.max(position - window + 1 - origin, 0), pastSize);
      pastMask.fill(hidden, start, start + visibleFrom);
    }
  }

  const newMask = new Float32Array(rowCount * group * slotCount * slotCount);
  if (slotCount > 1) fillNewMask(newMask, slices, group, slotCount, window);
  return {
    rowCount,
    slotCount,
    pageCount,
    maskRows,
    slotTokens,
    tokenSlots,
    pages,
    pastMask,
    newMask,
  };
}

/** Pages that hold past tokens which at least the first new token can see. */
function pageRange(
  { pastLength }: RowSlice,
  pageSize: number,
  window: number,
): { first: number; end: number } {
  const firstVisible = Math.min(Math.max(pastLength - window + 1, 0), pastLength);
  return { first: Math.floor(firstVisible / pageSize), end: Math.ceil(pastLength / pageSize) };
}

function buildSlots(slices: readonly RowSlice[], slotCount: number) {
  const slotTokens = new Int32Array(slices.length * slotCount);
  const tokenSlots = new Int32Array(slices.reduce((sum, { length }) => sum + length, 0));
  let token = 0;
  for (const [b, { length }] of slices.entries()) {
    for (let i = 0; i < slotCount; i++) {
      slotTokens[b * slotCount + i] = token + (i < length ? i : 0);
      if (i < length) tokenSlots[token + i] = b * slotCount + i;
    }
    token += length;
  }
  return { slotTokens, tokenSlots };
}

/** Causal, within the window; slots behind a row's end see what its last token sees. */
function fillNewMask(
  mask: Float32Array,
  slices: readonly RowSlice[],
  group: number,
  slotCount: number,
  window: number,
): void {
  for (const [b, { length }] of slices.entries()) {
    for (let m = 0; m < group * slotCount; m++) {
      const start = (b * group * slotCount + m) * slotCount;
      const slot = Math.min(m % slotCount, length - 1);
      mask.fill(hidden, start + slot + 1, start + slotCount);
      const visibleFrom = Math.max(slot - window + 1, 0);
      mask.fill(hidden, start, start + visibleFrom);
    }
  }
}

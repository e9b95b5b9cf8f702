// Decides which rows share a run of the graph. A run reads all weights once, whatever its size;
// rows of a run are padded, in attention only, to the longest of them. So rows stay together until the padding
// costs more than reading the weights again.
import type { ForwardBatch } from "@dyn/engine";
import type { ModelConfig } from "@dyn/model-files";
import type { RowSlice } from "./row-slice.ts";

/** Scores of one layer stay below this, so that memory does not grow with the context: 16 Mi values, 64 MiB. */
const maxScoreCount = 16 * 1024 * 1024;

export interface RunCosts {
  /** Of a run, whatever its rows: reading the weights, starting the nodes. */
  readonly runUs: number;
  /** Per padded past token of a row: reading its keys and values, in all layers. */
  readonly pastTokenUs: number;
  /** Per padded score of a head's query and key, in all layers and heads. */
  readonly scoreUs: number;
}

/**
 * Measured on two cores of an AMD Zen 5 server: weights stream at 40 GB/s, gathered KV at 20 GB/s,
 * attention matmuls run at 100 GFLOP/s, a node costs 3 us.
 */
export function estimateRunCosts(
  config: ModelConfig,
  weightBytes: number,
  kvBytesPerToken: number,
): RunCosts {
  const nodesPerLayer = 50;
  const flopsPerScore = 4 * config.headDim * config.headCount * config.layerCount;
  return {
    runUs: weightBytes / 40_000 + config.layerCount * nodesPerLayer * 3,
    pastTokenUs: kvBytesPerToken / 20_000,
    scoreUs: flopsPerScore / 100_000,
  };
}

/** Runs in the order in which they must go. Rows of a run are in the order of the batch. */
export function planRuns(
  batch: Pick<ForwardBatch, "rowCount" | "newLengths" | "pastLengths">,
  headCount: number,
  costs: RunCosts,
): RowSlice[][] {
  const waves: RowSlice[][] = [];
  let tokenStart = 0;
  for (let row = 0; row < batch.rowCount; row++) {
    const length = batch.newLengths[row]!;
    const slice = { row, tokenStart, length, pastLength: batch.pastLengths[row]! };
    for (const [wave, part] of sliceRow(slice, headCount).entries()) {
      const slices = waves[wave] ?? [];
      slices.push(part);
      waves[wave] = slices;
    }
    tokenStart += length;
  }
  return waves.flatMap((wave) => groupSlices(wave, headCount, costs));
}

/** Cuts the new tokens of a row, as far as the bound on scores asks for it. */
export function sliceRow(whole: RowSlice, headCount: number): RowSlice[] {
  const slices: RowSlice[] = [];
  for (let done = 0; done < whole.length; ) {
    const pastLength = whole.pastLength + done;
    const length = sliceLength(whole.length - done, pastLength, headCount);
    slices.push({ row: whole.row, tokenStart: whole.tokenStart + done, length, pastLength });
    done += length;
  }
  return slices;
}

/** As many of `newLength` tokens as the bound on scores allows. */
function sliceLength(newLength: number, pastLength: number, headCount: number): number {
  let length = newLength;
  while (length > 1 && headCount * length * (pastLength + length) > maxScoreCount) {
    length = Math.ceil(length / 2);
  }
  return length;
}

/** The cheapest division into runs among those that keep slices of similar size together. */
function groupSlices(
  slices: readonly RowSlice[],
  headCount: number,
  costs: RunCosts,
): RowSlice[][] {
  if (slices.length <= 1) return [[...slices]];
  const sorted = [...slices].sort((a, b) => a.length - b.length || a.pastLength - b.pastLength);
  /** best[end]: the cheapest way to run the first `end` slices. */
  const best: { cost: number; start: number }[] = [{ cost: 0, start: 0 }];
  for (let end = 1; end <= sorted.length; end++) {
    let choice = { cost: Number.POSITIVE_INFINITY, start: end - 1 };
    let longestPast = 0;
    const slotCount = sorted[end - 1]!.length;
    for (let start = end - 1; start >= 0; start--) {
      longestPast = Math.max(longestPast, sorted[start]!.pastLength);
      const rowCount = end - start;
      const scoreCount = rowCount * slotCount * (longestPast + slotCount);
      if (rowCount > 1 && headCount * scoreCount > maxScoreCount) break;
      const cost =
        best[start]!.cost +
        costs.runUs +
        rowCount * longestPast * costs.pastTokenUs +
        scoreCount * costs.scoreUs;
      if (cost <= choice.cost) choice = { cost, start };
    }
    best[end] = choice;
  }
  const runs: RowSlice[][] = [];
  for (let end = sorted.length; end > 0; end = best[end]!.start) {
    runs.push(sorted.slice(best[end]!.start, end).sort((a, b) => a.row - b.row));
  }
  return runs;
}

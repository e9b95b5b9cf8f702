// Which prompts of a batch share a run of the graph.
import type { ModelConfig } from "@dyn/model-files";
import { planRuns, type RunCosts, sliceRow } from "../executor/plan-runs.ts";
import type { RowSlice } from "../executor/row-slice.ts";

/**
 * Prompts of similar length run together; those whose scores would take too much memory run alone, in pieces,
 * each a run with the past of the one before it.
 */
export function planPromptRuns(
  lengths: Int32Array,
  { headCount }: Pick<ModelConfig, "headCount">,
  costs: RunCosts,
  /** `null`: as memory allows. */
  maxPieceTokens: number | null = null,
): RowSlice[][] {
  const whole: RowSlice[] = [];
  const pieces: RowSlice[][] = [];
  let tokenStart = 0;
  for (const [row, length] of lengths.entries()) {
    const slices = cut({ row, tokenStart, length, pastLength: 0 }, headCount, maxPieceTokens);
    if (slices.length === 1) whole.push(slices[0]!);
    else pieces.push(...slices.map((slice) => [slice]));
    tokenStart += length;
  }
  const runs = planRuns(
    {
      rowCount: whole.length,
      newLengths: Int32Array.from(whole, ({ length }) => length),
      pastLengths: new Int32Array(whole.length),
    },
    headCount,
    costs,
  );
  return [...runs.map((run) => run.map(({ row }) => whole[row]!)), ...pieces];
}

function cut(whole: RowSlice, headCount: number, maxTokens: number | null): RowSlice[] {
  const size = maxTokens ?? whole.length;
  const slices: RowSlice[] = [];
  for (let done = 0; done < whole.length; done += size) {
    const length = Math.min(size, whole.length - done);
    const slice = { ...whole, tokenStart: whole.tokenStart + done, length, pastLength: done };
    slices.push(...sliceRow(slice, headCount));
  }
  return slices;
}

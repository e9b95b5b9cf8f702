import type { ForwardBatch } from "@dyn/engine";
import fc from "fast-check";
import { expect, test } from "vitest";
import { planRuns, type RunCosts } from "../src/executor/plan-runs.ts";

const headCount = 16;
/** About what a model of 0.6 G parameters costs in float32. */
const costs: RunCosts = { runUs: 60_000, pastTokenUs: 11, scoreUs: 2.3 };

function batchOf(rows: readonly { past: number; length: number }[]): ForwardBatch {
  const newLengths = Int32Array.from(rows, ({ length }) => length);
  return {
    kind: "prefill",
    rowCount: rows.length,
    tokenIds: new Int32Array(newLengths.reduce((a, b) => a + b, 0)),
    newLengths,
    pastLengths: Int32Array.from(rows, ({ past }) => past),
    pageTable: new Int32Array(0),
    pagesPerRow: 0,
    logitPositions: new Int32Array(0),
    sequenceIds: Int32Array.from(rows.keys()),
    sampling: [],
  };
}

test("every new token is computed once, after the ones before it, within the bound on scores", () => {
  const row = fc.record({
    past: fc.integer({ min: 0, max: 30_000 }),
    length: fc.integer({ min: 1, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (rows) => {
      const batch = batchOf(rows);
      const done = rows.map(() => 0);
      const starts = rows.map((_, i) => rows.slice(0, i).reduce((sum, r) => sum + r.length, 0));
      for (const run of planRuns(batch, headCount, costs)) {
        const slots = Math.max(...run.map(({ length }) => length));
        const past = Math.max(...run.map(({ pastLength }) => pastLength));
        if (run.length > 1 || slots > 1) {
          expect(run.length * headCount * slots * (past + slots)).toBeLessThanOrEqual(2 ** 24);
        }
        expect(run.map((slice) => slice.row)).toEqual(
          [...new Set(run.map((slice) => slice.row))].sort((a, b) => a - b),
        );
        for (const { row: r, tokenStart, length, pastLength } of run) {
          expect(tokenStart).toBe(starts[r]! + done[r]!);
          expect(pastLength).toBe(rows[r]!.past + done[r]!);
          done[r]! += length;
        }
      }
      expect(done).toEqual(rows.map(({ length }) => length));
    }),
  );
});

test("decodes of similar context share a run", () => {
  const rows = [300, 310, 290, 305].map((past) => ({ past, length: 1 }));
  expect(planRuns(batchOf(rows), headCount, costs)).toHaveLength(1);
});

test("one long context does not make many short ones pay for it", () => {
  const rows = [20_000, ...Array(7).fill(100)].map((past: number) => ({ past, length: 1 }));
  const runs = planRuns(batchOf(rows), headCount, costs);
  expect(runs.map((run) => run.length).sort()).toEqual([1, 7]);
});

test("a short prompt is not padded to a long one", () => {
  const rows = [512, 8, 8, 8].map((length) => ({ past: 0, length }));
  const runs = planRuns(batchOf(rows), headCount, costs);
  expect(runs.map((run) => run.length).sort()).toEqual([1, 3]);
});

// The short form of `pnpm chaos`: workers killed, connections cut and clients leaving, under load.
import { expect, test } from "vitest";
import { socketCut } from "../chaos/faults/network-faults.ts";
import { clientsThatLeave, workerKill } from "../chaos/faults/process-faults.ts";
import { runFaults } from "../chaos/run-faults.ts";
import { startFileStage } from "../chaos/stages.ts";
import { createRandom } from "../src/random.ts";

const seed = Number(process.env.DYN_CHAOS_SEED ?? Date.now() % 1_000_000);

test(`nothing hangs and no token is lost or doubled (DYN_CHAOS_SEED=${seed})`, {
  timeout: 600_000,
}, async () => {
  const stage = await startFileStage();
  try {
    const options = { random: createRandom(seed), clientCount: 6, tokenCount: 32 };
    const faults = [workerKill(1), socketCut, clientsThatLeave(60)];
    const outcomes = await runFaults(stage, faults, options);
    const harm = outcomes.map(({ fault, sent, completed, hung, lost, doubled, reasons }) => ({
      fault,
      incomplete: sent - completed,
      ...{ hung, lost, doubled, reasons },
    }));
    const none = { incomplete: 0, hung: 0, lost: 0, doubled: 0, reasons: [] };
    expect(harm).toEqual(faults.map(({ name: fault }) => ({ fault, ...none })));
    expect(outcomes[0]!.migrated + outcomes[1]!.migrated).toBeGreaterThan(0);
  } finally {
    await stage.close();
  }
});

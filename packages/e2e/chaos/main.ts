// `pnpm chaos [--seed N] [--only TEXT]`: every fault under load; with all of them the table in docs/benchmarks.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createRandom } from "../src/random.ts";
import type { Fault, Outcome, Stage } from "./fault.ts";
import {
  halfOpen,
  halfOpenByProxy,
  slowNetwork,
  slowNetworkByProxy,
  socketCut,
} from "./faults/network-faults.ts";
import {
  clientsThatLeave,
  clockJump,
  decodeStop,
  frontendRestart,
  prefillStop,
  workerKill,
  workerStop,
} from "./faults/process-faults.ts";
import { runPublisherRestart } from "./faults/publisher-restart.ts";
import {
  diskFull,
  etcdCompaction,
  etcdDataLoss,
  etcdHung,
  etcdRestart,
  leaseRevoked,
  natsRestart,
} from "./faults/store-faults.ts";
import { runFaults } from "./run-faults.ts";
import {
  startEtcdStage,
  startFileStage,
  startNamespaceStage,
  startNatsStage,
  startSmallDiskStage,
  startSplitStage,
} from "./stages.ts";
import { outcomesToMarkdown, withOtherSections } from "./table.ts";

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, only: { type: "string", default: "" } },
});
const seed = Number(values.seed);
const random = createRandom(seed);
const begunMs = performance.now();
const outcomes: Outcome[] = [];
const skipped: string[] = [];

function tell(outcome: Outcome): void {
  outcomes.push(outcome);
  const { fault, means, reasons, ...counts } = outcome;
  console.log(`${fault} (${means})\n  ${JSON.stringify(counts)}`);
  for (const reason of reasons) console.log(`  ${reason}`);
}

/** Runs those that are asked for; gives those that could not be done. */
async function act<S extends Stage>(
  start: () => Promise<S | null>,
  faults: readonly Fault<S>[],
): Promise<readonly Fault<S>[]> {
  const chosen = faults.filter(({ name }) => name.includes(values.only));
  if (chosen.length === 0) return [];
  const stage = await start();
  if (stage === null) return chosen;
  try {
    const options = { random, clientCount: 12, tokenCount: 64, onOutcome: tell };
    const done = await runFaults(stage, chosen, options);
    return chosen.filter(({ name }) => !done.some(({ fault }) => fault === name));
  } finally {
    await stage.close();
  }
}

const withoutNamespace = await act(startNamespaceStage, [halfOpen, slowNetwork]);
const isLeft = (fault: { readonly name: string }) =>
  withoutNamespace.some(({ name }) => name === fault.name);
const byFiles = [
  workerKill(2),
  workerStop,
  socketCut,
  ...(isLeft(halfOpen) ? [halfOpenByProxy] : []),
  ...(isLeft(slowNetwork) ? [slowNetworkByProxy] : []),
  frontendRestart,
  clockJump,
  clientsThatLeave(1_000),
];
await act(startFileStage, byFiles);
await act(startSplitStage, [prefillStop, decodeStop]);
const left = [
  ...(await act(startEtcdStage, [
    etcdRestart,
    etcdHung,
    etcdCompaction,
    leaseRevoked,
    etcdDataLoss,
  ])),
  ...(await act(startNatsStage, [natsRestart])),
  ...(await act(startSmallDiskStage, [diskFull])),
];
skipped.push(...left.map(({ name }) => `${name}: not possible on this machine`));
if ("ZMQ publisher restart".includes(values.only)) tell(await runPublisherRestart());

const seconds = (performance.now() - begunMs) / 1000;
const markdown = outcomesToMarkdown(outcomes, { seed, seconds, skipped });
if (values.only === "") {
  const page = new URL("../../../docs/benchmarks/reliability.md", import.meta.url);
  writeFileSync(page, withOtherSections(markdown, readFileSync(page, "utf8")));
} else console.log(markdown);
const bad = outcomes.filter(({ hung, lost, doubled }) => hung + lost + doubled > 0);
if (bad.length > 0) console.error(`Hung, lost or doubled in: ${bad.map(({ fault }) => fault)}`);
process.exitCode = bad.length > 0 ? 1 : 0;

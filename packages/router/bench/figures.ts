// The figures of docs/benchmarks/routing.md: every mode over every workload, on eight mock engines in warped time. Prints the
// tables and writes the plot. About ten minutes.
//   node --conditions=@dyn/source --import tsx packages/router/bench/figures.ts
import { writeFileSync } from "node:fs";
import { type FleetFigures, runFleet } from "./mock-fleet.ts";
import { type Mode, modes } from "./mode.ts";
import { ttftPlot } from "./ttft-plot.ts";
import {
  mooncakeLike,
  multiTurn,
  oneSystemPrompt,
  sharedPrefixes,
  unrelated,
  type Workload,
} from "./workload.ts";

/** 20 tenants of 6,000 + 5 x 1,200 a worker. */
const kvTokens = 240_000;
const rates = [3, 6, 10, 15, 20, 30, 40, 60];
const names = Object.keys(modes) as Mode[];

async function table(workload: Workload, tokens = kvTokens): Promise<Map<Mode, FleetFigures>> {
  console.log(`\n## ${workload.name}\n`);
  console.log(
    "| mode | hit rate | TTFT p50 ms | p90 | p99 | requests/s | tokens/s | busiest/mean | idlest/mean |",
  );
  console.log("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
  const found = new Map<Mode, FleetFigures>();
  for (const mode of names) {
    const it = await runFleet(workload, mode, { kvTokens: tokens });
    found.set(mode, it);
    const cells = [
      mode,
      `${(100 * it.hitRate).toFixed(1)} %`,
      ...[it.p50Ms, it.p90Ms, it.p99Ms].map((ms) => ms.toFixed(0)),
      it.requestsPerSecond.toFixed(1),
      it.tokensPerSecond.toFixed(0),
      it.busiest.toFixed(2),
      it.idlest.toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  return found;
}

const byRate = new Map<number, Map<Mode, FleetFigures>>();
for (const rate of rates) byRate.set(rate, await table(sharedPrefixes(rate)));
const lines = names.map((name) => ({
  name,
  points: rates.map((rate) => [rate, byRate.get(rate)!.get(name)!.p90Ms] as const),
}));
writeFileSync(
  new URL("../../../docs/benchmarks/routing-ttft.svg", import.meta.url),
  ttftPlot("TTFT p90, 150 tenants with a prefix of 6,000 tokens, 8 workers", lines),
);
console.log("\n## TTFT p90 in ms by requests/s\n");
console.log(`| mode | ${rates.join(" | ")} |\n|---|${rates.map(() => "---:|").join("")}`);
for (const { name, points } of lines) {
  console.log(`| ${name} | ${points.map(([, ms]) => ms.toFixed(0)).join(" | ")} |`);
}
console.log("\nHalf the memory, 120,000 tokens a worker:");
await table(sharedPrefixes(10), kvTokens / 2);
await table(multiTurn());
await table(mooncakeLike(6));
for (const rate of [10, 25, 32]) await table(unrelated(rate));
await table(oneSystemPrompt(40));

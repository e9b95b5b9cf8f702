// What everybody's prompts begin with must not send everybody to one worker: eight real engines in warped time.
import { expect, test } from "vitest";
import { runFleet } from "../bench/mock-fleet.ts";
import type { Mode } from "../bench/mode.ts";
import { type Arrival, oneSystemPrompt } from "../bench/workload.ts";

const modes: readonly Mode[] = ["kv", "kv, counted", "approximate"];
const kvTokens = 240_000;
const first = (count: number, toArrival: (arrival: Arrival) => Arrival = (it) => it) =>
  oneSystemPrompt(40).measured.slice(0, count).map(toArrival);

test.each(modes)("%s: a system prompt that all share starves none of 8 workers", async (mode) => {
  const workload = { name: "steady", warmUp: [], measured: first(200) };
  const { idlest, busiest, hitRate } = await runFleet(workload, mode, { kvTokens });
  expect(idlest).toBeGreaterThan(0.75);
  expect(busiest).toBeLessThan(1.25);
  expect(hitRate).toBeGreaterThan(0.8);
});

test.each(modes)("%s: nor when all come at once, behind one who came before", async (mode) => {
  const [one] = first(1);
  const burst = first(96, (arrival) => ({ ...arrival, arrivesMs: 0 }));
  const workload = { name: "burst", warmUp: [one!], measured: burst };
  const { idlest, busiest } = await runFleet(workload, mode, { kvTokens });
  expect(idlest).toBeGreaterThan(0.5);
  expect(busiest).toBeLessThanOrEqual(2);
});

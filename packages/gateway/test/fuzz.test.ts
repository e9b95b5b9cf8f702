// The short form of `pnpm fuzz`: no body at all is answered with 5xx, or not answered.
import { afterAll, beforeAll, expect, it } from "vitest";
import { fuzzDoor } from "../fuzz/fuzz-door.ts";
import { type Fuzzed, startFuzzed } from "../fuzz/start-fuzzed.ts";

let fuzzed: Fuzzed;
beforeAll(async () => {
  fuzzed = await startFuzzed();
});
afterAll(() => fuzzed.close());

it("3,000 mutated bodies over all POST routes", async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const { sent, forms, statuses, byPath, faults } = await fuzzDoor({
    url: fuzzed.deployment.url,
    seed,
    count: 3000,
    concurrency: 8,
    timeoutMs: 50_000,
  });
  expect(faults, `seed ${seed}`).toEqual([]);
  expect(sent).toBe(3000);
  // Some mutants must be sound: else the fuzz knocks at a closed door.
  expect(statuses["200"]).toBeGreaterThan(450);
  expect(statuses["400"]).toBeGreaterThan(450);
  expect(forms).toBeGreaterThan(200);
  expect(Object.keys(byPath)).toEqual(
    expect.arrayContaining([
      "/v1/messages",
      "/v1/responses",
      "/v1/images/edits",
      "/generate",
      "/inference/v1/generate",
    ]),
  );
  await fuzzed.idle();
}, 240_000);

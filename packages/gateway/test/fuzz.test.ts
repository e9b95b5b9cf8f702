// The short form of `pnpm fuzz`: no body at all is answered with 5xx, or not answered.
import { afterAll, beforeAll, expect, it } from "vitest";
import { fuzzDoor } from "../fuzz/fuzz-door.ts";
import { type Deployment, isIdle, startDeployment, until } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment({
    engine: { contextLength: 512 },
    settings: { anthropicApi: true },
    card: { runtimeConfig: { toolCallParser: "hermes", reasoningParser: "qwen3" } },
  });
});
afterAll(() => deployment.close());

it("2,000 mutated bodies over all POST routes", async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const { sent, statuses, byPath, faults } = await fuzzDoor({
    url: deployment.url,
    seed,
    count: 2000,
    concurrency: 8,
    timeoutMs: 50_000,
  });
  expect(faults, `seed ${seed}`).toEqual([]);
  expect(sent).toBe(2000);
  // Some mutants must be sound: else the fuzz knocks at a closed door.
  expect(statuses["200"]).toBeGreaterThan(300);
  expect(statuses["400"]).toBeGreaterThan(300);
  expect(Object.keys(byPath)).toEqual(expect.arrayContaining(["/v1/messages", "/v1/responses"]));
  await until(() => isIdle(deployment.engine), "an idle engine");
});

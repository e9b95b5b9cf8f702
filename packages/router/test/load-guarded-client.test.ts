// Prompts that a worker computes count as its load until their first token; those that were computed elsewhere do not.
import type { EngineOutputItem, PreprocessedRequest } from "@dyn/protocol";
import { createMemHub, DistributedRuntime } from "@dyn/runtime";
import { expect, onTestFinished, test } from "vitest";
import { createLoadGuardedClient, noThresholds } from "../src/index.ts";

const endpoint = { namespace: "dynamo", component: "backend", endpoint: "generate" };

/** One worker that speaks when it is told to, and a client that leaves it out above four tokens of prompts. */
async function start() {
  const hub = createMemHub();
  const [worker, caller] = [1n, 2n].map(
    (instanceId) => new DistributedRuntime(hub.createPlanes({ instanceId })),
  );
  const heard: (() => void)[] = [];
  await worker!.endpoint(endpoint).serve<PreprocessedRequest, EngineOutputItem>(async function* () {
    await new Promise<void>((speak) => heard.push(speak));
    yield { data: { token_ids: [1], finish_reason: "stop" } };
  });
  const client = createLoadGuardedClient({
    client: caller!.endpoint(endpoint).createClient<PreprocessedRequest, EngineOutputItem>({}),
    planes: caller!.planes,
    model: "tiny",
    thresholds: { ...noThresholds, activePrefillTokens: 4 },
    onProblem: (message) => expect.unreachable(message),
  });
  onTestFinished(async () => {
    await client.close();
    await caller!.close();
    await worker!.close();
  });
  const ask = async (override: object | null = null) => {
    const items: EngineOutputItem[] = [];
    const request: PreprocessedRequest = {
      model: "tiny",
      token_ids: [1, 2, 3, 4, 5, 6],
      stop_conditions: {},
      sampling_options: {},
      output_options: {},
      eos_token_ids: [],
      annotations: [],
      router_config_override: override,
    };
    for await (const { data } of client.generate(request)) items.push(data!);
    return items.length;
  };
  return { client, ask, heard };
}

test("a worker that computes more than the bound takes nothing until the first token came", async () => {
  const { client, ask, heard } = await start();
  const first = ask();
  await expect.poll(() => heard.length).toBe(1);
  await expect(ask()).rejects.toMatchObject({ status: 529, code: "DYN_ROUTER_OVERLOADED" });
  heard[0]!();
  expect(await first).toBe(1);
  const second = ask();
  await expect.poll(() => heard.length).toBe(2);
  client.setThresholds(noThresholds);
  const third = ask();
  await expect.poll(() => heard.length).toBe(3);
  heard[1]!();
  heard[2]!();
  expect(await Promise.all([second, third])).toEqual([1, 1]);
});

test("a prompt that was computed elsewhere is no load of the worker that decodes", async () => {
  const { ask, heard } = await start();
  const both = [ask({ track_prefill_tokens: false })];
  await expect.poll(() => heard.length).toBe(1);
  both.push(ask({ track_prefill_tokens: false }));
  await expect.poll(() => heard.length).toBe(2);
  for (const speak of heard) speak();
  expect(await Promise.all(both)).toEqual([1, 1]);
});

// Two data-parallel ranks in a worker process: each has a cache, a scheduler and an event stream of its own, and a frontend
// in mode kv chooses worker and rank.
import { createKvEventSubscriber } from "@dyn/kv-events";
import { createPlanes, type EventSourceRecord, type ModelRecord } from "@dyn/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Deployment, untilListed } from "../src/deployment.ts";
import type { StartedProgram } from "../src/start-program.ts";

let deployment: Deployment;
beforeEach(() => {
  deployment = new Deployment({ DYN_SYSTEM_PORT: "0" });
});
afterEach(() => deployment.close());

const pageSize = 4;
const ranked = [
  ...["--dp-size", "2", "--page-size", String(pageSize)],
  ...["--kv-events-config", '{"publisher":"zmq","topic":"kv-events","endpoint":"tcp://*:*"}'],
];
const text = (topic: string) => `${topic} and so on. `.repeat(40);

/** `nvext` as JSON: ids of workers are u64. */
async function ask(url: string, prompt: string, nvext = "{}") {
  const body = { model: "tiny", prompt, max_tokens: 6, temperature: 0, ignore_eos: true };
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `${JSON.stringify(body).slice(0, -1)},"nvext":${nvext}}`,
  });
  const said = (await answer.json()) as {
    choices: { text: string }[];
    usage: { prompt_tokens: number; prompt_tokens_details?: { cached_tokens: number } };
  };
  expect([answer.status, said]).toMatchObject([200, {}]);
  const { usage } = said;
  return {
    text: said.choices[0]!.text,
    promptTokens: usage.prompt_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
  };
}

interface Debug {
  readonly models: {
    endpoint: string;
    index: { blocks: number };
    sources: { worker_id: string; dp_rank: number }[];
  }[];
  readonly prefill: { decisions: { worker_id: string | null; dp_rank: number | null }[] }[];
}

async function debug(url: string): Promise<Debug> {
  return (await (await fetch(`${url}/debug/routing`)).json()) as Debug;
}

/** Where the last prompt was prefilled. */
async function lastPlace(url: string): Promise<string> {
  const { prefill } = await debug(url);
  const { worker_id: worker, dp_rank: rank } = prefill[0]!.decisions[0]!;
  return `${worker} ${rank}`;
}

/** Of prefill workers, that the frontend has heard of. */
async function blocksKnown(url: string): Promise<number> {
  const { models } = await debug(url);
  return models.find(({ endpoint }) => endpoint.includes("prefill"))!.index.blocks;
}

async function untilSourcesKnown(url: string, count: number): Promise<void> {
  const known = async () => (await debug(url)).models.flatMap(({ sources }) => sources).length;
  await expect.poll(known).toBe(count);
}

/** Blocks that each socket of the worker tells of as stored, once every rank has told of some. */
async function storedByRank(worker: StartedProgram, act: () => Promise<unknown>) {
  const told = [...worker.output().matchAll(/KV events are published (\{.*\})/g)];
  const sockets = told.map(([, json]) => JSON.parse(json!) as { endpoint: string; dpRank: number });
  expect(sockets.map(({ dpRank }) => dpRank)).toEqual([0, 1]);
  const acting = { isOver: false };
  const heard = Promise.all(
    sockets.map(async ({ endpoint, dpRank }) => {
      using subscriber = await createKvEventSubscriber({ endpoint });
      for await (const delivery of subscriber) {
        if (delivery.type !== "batch") continue;
        expect(delivery.batch.dpRank).toBe(dpRank);
        if (delivery.batch.events.some(({ type }) => type === "stored")) return dpRank;
      }
      return null;
    }),
  ).finally(() => {
    acting.isOver = true;
  });
  // Asked again until each has heard: subscriptions take effect a little later.
  while (!acting.isOver) await act();
  return heard;
}

test("prompts go to a rank of a prefill worker, and again to the one that has them cached", async () => {
  const url = (await deployment.startFrontend(["--router-mode", "kv"])).ready;
  const prefill = await deployment.startWorker(["--disaggregation-mode", "prefill", ...ranked]);
  await deployment.startWorker(["--disaggregation-mode", "decode", ...ranked]);
  await untilListed(url, "tiny");
  await untilSourcesKnown(url, 4);
  const planes = await createPlanes({ discoveryBackend: "file", fileKv: deployment.folder });
  const cards = (await planes.discovery.list("v1/mdc")) as ModelRecord[];
  expect(cards.map(({ card }) => card.runtimeConfig?.dataParallelSize)).toEqual([2, 2]);
  const sources = (await planes.discovery.list("v1/event_sources")) as EventSourceRecord[];
  expect(sources.map(({ worker }) => worker.dpRank).toSorted()).toEqual([0, 0, 1, 1]);
  await planes.discovery.close();

  // The two may not have met yet.
  await expect
    .poll(async () => {
      await ask(url, "Hello");
      return lastPlace(url);
    })
    .not.toContain("null");
  const places = new Map<string, string>();
  const topics = ["Cats", "Dogs", "Birds", "Bees", "Fish", "Ants"];
  const ranks = () => new Set([...places.values()].map((place) => place.split(" ")[1]));
  // Which of two idle ranks gets a prompt is drawn: further ones are asked until both have had some.
  // Each begins otherwise, or all would go where the first one is.
  const more = Array.from({ length: 30 }, (_, i) => `${i} beetles`);
  for (const topic of [...topics, ...more]) {
    if (more.includes(topic) && ranks().size === 2) break;
    const before = await blocksKnown(url);
    const first = await ask(url, text(topic));
    places.set(topic, await lastPlace(url));
    // Events are on their way for a moment: asked in earnest before, a prompt may end up at both ranks.
    const stored = Math.floor(first.promptTokens / pageSize) - 1;
    await expect.poll(() => blocksKnown(url)).toBeGreaterThanOrEqual(before + stored);
    const again = await ask(url, text(topic));
    expect([again.text, again.cached > 100]).toEqual([first.text, true]);
  }
  // Others in between change nothing.
  for (const [topic, place] of places) {
    expect((await ask(url, text(topic))).cached).toBeGreaterThan(100);
    expect(await lastPlace(url)).toBe(place);
  }
  expect(ranks()).toEqual(new Set(["0", "1"]));
  // Each begins otherwise: with a block in common they would all go to the rank that has it.
  let count = 0;
  expect(await storedByRank(prefill, () => ask(url, text(`${count++} topics`)))).toEqual([0, 1]);
});

test("a rank that a request names serves it from a cache of its own", async () => {
  const url = (await deployment.startFrontend(["--router-mode", "kv"])).ready;
  await deployment.startWorker(ranked);
  await untilListed(url, "tiny");
  await untilSourcesKnown(url, 2);
  const { models } = await debug(url);
  const worker = models[0]!.sources[0]!.worker_id;
  const at = (rank: number) =>
    ask(url, text("Cows"), `{"backend_instance_id":${worker},"dp_rank":${rank}}`);
  const answers = [await at(0), await at(1), await at(0), await at(1)];
  expect(answers.map(({ cached }) => cached > 100)).toEqual([false, false, true, true]);
  expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
});

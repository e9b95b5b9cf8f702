// What the official clients offer and this server has not: each is a 404 that says why.
import Anthropic from "@anthropic-ai/sdk";
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Deployment, startDeployment } from "./support/deployment.ts";

let deployment: Deployment;
let openai: OpenAI;
let anthropic: Anthropic;
beforeAll(async () => {
  deployment = await startDeployment({ settings: { anthropicApi: true } });
  openai = deployment.client;
  anthropic = new Anthropic({ baseURL: deployment.url, apiKey: "none", maxRetries: 0 });
});
afterAll(() => deployment.close());

const file = new File(["a"], "a.jsonl");
const asked: readonly [string, () => PromiseLike<unknown>, string][] = [
  ["files.list", () => openai.files.list(), "keeps nothing"],
  ["files.create", () => openai.files.create({ file, purpose: "batch" }), "keeps nothing"],
  ["files.delete", () => openai.files.delete("a"), "keeps nothing"],
  ["batches.list", () => openai.batches.list(), "side by side"],
  ["batches.retrieve", () => openai.batches.retrieve("a"), "side by side"],
  ["vectorStores.list", () => openai.vectorStores.list(), "keeps nothing"],
  ["conversations.retrieve", () => openai.conversations.retrieve("a"), "whole conversation"],
  ["responses.retrieve", () => openai.responses.retrieve("a"), "whole conversation"],
  ["responses.delete", () => openai.responses.delete("a"), "whole conversation"],
  ["responses.cancel", () => openai.responses.cancel("a"), "whole conversation"],
  ["responses.inputItems.list", () => openai.responses.inputItems.list("a"), "whole conversation"],
  ["chat.completions.retrieve", () => openai.chat.completions.retrieve("a"), "whole conversation"],
  ["videos.retrieve", () => openai.videos.retrieve("a"), "answers with the video"],
  ["videos.downloadContent", () => openai.videos.downloadContent("a"), "answers with the video"],
  ["images.createVariation", () => openai.images.createVariation({ image: file }), "images/edits"],
  ["moderations.create", () => openai.moderations.create({ input: "a" }), "no models of that type"],
  [
    "audio.transcriptions.create",
    () => openai.audio.transcriptions.create({ file, model: "a" }),
    "no models of that type",
  ],
  [
    "audio.speech.create",
    () => openai.audio.speech.create({ input: "a", model: "a", voice: "alloy" }),
    "no models of that type",
  ],
  ["fineTuning.jobs.list", () => openai.fineTuning.jobs.list(), "nothing else with models"],
  ["Anthropic's messages.batches.list", () => anthropic.messages.batches.list(), "side by side"],
  ["Anthropic's files.list", () => anthropic.files.list(), "keeps nothing"],
];

it.each(asked)("%s", async (_, ask, why) => {
  const error = (await Promise.resolve(ask()).then(null, (reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ status: 404 });
  expect(error.message).toContain("Route not found");
  expect(error.message).toContain(why);
});

it("a route that nobody knows is the same without a reason", async () => {
  const response = await fetch(`${deployment.url}/v1/nothing`);
  expect([response.status, await response.json()]).toEqual([
    404,
    expect.objectContaining({ message: "Route not found: GET /v1/nothing" }),
  ]);
});

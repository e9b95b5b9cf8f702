// Real Dynamo 1.6.1's frontend in front of our worker that takes chats as text, and our frontend beside it.
import type OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { ask, InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const servers = await InteropServers.start();
const planes = servers.planes("file", "tcp")!;
let deployment = new MixedDeployment(planes);
afterEach(async () => {
  await deployment.close();
  await servers.clear();
  deployment = new MixedDeployment(planes);
});
afterAll(() => servers.close());

describe.skipIf(peer === null)("our worker of text", () => {
  test("says through their frontend what it says through ours, whole and streamed", async () => {
    const theirs = await deployment.theirFrontend();
    const ours = await deployment.ourFrontend();
    await deployment.ourWorker(["--use-sglang-tokenizer"]);
    for (const client of [theirs, ours]) await listed(client).toEqual(["tiny"]);
    const chat = ask("What is 12 + 30?", { temperature: 0, max_tokens: 40 });
    const whole = async (client: OpenAI) => {
      const { choices } = await client.chat.completions.create(chat);
      return { content: choices[0]!.message.content, finish: choices[0]!.finish_reason };
    };
    expect(await whole(theirs)).toEqual(await whole(ours));
    const streamed = async (client: OpenAI) => {
      let text = "";
      let finish: string | null = null;
      for await (const chunk of await client.chat.completions.create({ ...chat, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
      return { text, finish };
    };
    expect(await streamed(theirs)).toEqual(await streamed(ours));
    expect((await whole(theirs)).content).toBe((await streamed(theirs)).text);
    const response = async (client: OpenAI) => {
      const options = { model: "tiny", input: "What is 12 + 30?", temperature: 0 };
      const { output_text: text, status } = await client.responses.create(options);
      return { text, status };
    };
    expect(await response(theirs)).toEqual(await response(ours));
  });
});

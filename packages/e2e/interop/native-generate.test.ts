// SGLang's own /generate at real Dynamo 1.6.1's frontend and at ours, over our worker: its card says that it takes such.
import type OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const servers = await InteropServers.start();
const planes = servers.planes("file", "tcp")!;
const env = { ...planes.env, DYN_SGLANG_ENABLE_GENERATE: "1" };
let deployment = new MixedDeployment({ ...planes, env });
afterEach(async () => {
  await deployment.close();
  await servers.clear();
  deployment = new MixedDeployment({ ...planes, env });
});
afterAll(() => servers.close());

interface Chunk {
  readonly output_ids: readonly number[];
  readonly meta_info: { readonly finish_reason: unknown };
}

const body = JSON.stringify({
  input_ids: [72, 73, 74, 75],
  stream: true,
  sampling_params: { max_new_tokens: 8, temperature: 0, ignore_eos: true },
});

function generate({ baseURL }: OpenAI, method: "POST" | "PUT"): Promise<Response> {
  const url = baseURL.replace(/\/v1$/, "/generate");
  return fetch(url, { method, headers: { "content-type": "application/json" }, body });
}

async function answer(client: OpenAI, method: "POST" | "PUT") {
  const response = await generate(client, method);
  const events = (await response.text()).split("\n\n").filter((event) => event !== "");
  const chunks = events
    .filter((event) => event !== "data: [DONE]")
    .map((event) => JSON.parse(event.replace(/^data: /, "")) as Chunk);
  return {
    status: response.status,
    ids: chunks.flatMap((chunk) => chunk.output_ids),
    end: chunks.at(-1)?.meta_info.finish_reason,
  };
}

describe.skipIf(peer === null)("/generate", () => {
  test("is passed on to our worker by both, by POST and by PUT", async () => {
    const theirs = await deployment.theirFrontend();
    const ours = await deployment.ourFrontend();
    await deployment.ourWorker();
    for (const client of [theirs, ours]) await listed(client).toEqual(["tiny"]);
    for (const method of ["POST", "PUT"] as const) {
      const own = await answer(ours, method);
      expect(own).toMatchObject({ status: 200, end: { type: "length", length: 8 } });
      expect(own.ids).toHaveLength(8);
      expect(await answer(theirs, method)).toEqual(own);
    }
  });

  test("is refused with 404 by both where workers take text", async () => {
    const theirs = await deployment.theirFrontend();
    const ours = await deployment.ourFrontend();
    await deployment.ourWorker(["--use-sglang-tokenizer"]);
    for (const client of [theirs, ours]) {
      await listed(client).toEqual(["tiny"]);
      expect((await generate(client, "POST")).status).toBe(404);
    }
  });
});

// Prefill and decode apart, ours and real Dynamo 1.6.1 in one deployment: `pnpm interop`.
import { freePort } from "@dyn/testing";
import type OpenAI from "openai";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { ask, InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const servers = await InteropServers.start();
afterAll(() => servers.close());

const planes = servers.planes("file", "tcp");
const runs = describe.skipIf(peer === null || planes === null);
let deployment: MixedDeployment;
beforeEach(() => {
  deployment = new MixedDeployment(planes!);
});
afterEach(async () => {
  await deployment.close();
  await servers.clear();
});

/** The workers as text: two ids of one deployment may be the same number in a double. */
async function route(client: OpenAI, content: string, more: object = {}) {
  const nvext = { extra_fields: ["worker_id"] };
  const answer = await client.chat.completions
    .create({ ...ask(content, { max_tokens: 7, ...more }), ...({ nvext } as object) })
    .asResponse();
  const text = await answer.text();
  const [, prefill, decode] =
    /"prefill_worker_id":(\d+)[^}]*"decode_worker_id":(\d+)/.exec(text) ?? [];
  const { choices, usage } = JSON.parse(text) as OpenAI.ChatCompletion;
  return { prefill, decode, choices, usage };
}

/** Resolves once requests are prefilled elsewhere than they are decoded. */
async function untilApart(client: OpenAI): Promise<void> {
  await expect
    .poll(
      async () => {
        const { prefill, decode } = await route(client, "Hello");
        return prefill !== undefined && prefill !== decode;
      },
      { timeout: 20_000 },
    )
    .toBe(true);
}

runs("our frontend, their mocker's prefill and decode workers", () => {
  const decode = () =>
    deployment.theirMocker(["--speedup-ratio", "100", "--disaggregation-mode", "decode"]);
  const prefill = async (...more: string[]) =>
    deployment.theirMocker(["--speedup-ratio", "100", "--disaggregation-mode", "prefill", ...more]);

  test.each(["round-robin", "kv", "least-loaded"])(
    "mode %s: the pair is a model only when it is complete, and both meet in the room of our choice",
    async (mode) => {
      const client = await deployment.ourFrontend("--router-mode", mode);
      await decode();
      await expect(client.chat.completions.create(ask("Hello"))).rejects.toMatchObject({
        status: expect.toSatisfy((status: number) => status === 404 || status === 503),
      });
      const port = String(await freePort());
      const worker = await prefill("--bootstrap-ports", port);
      await listed(client).toEqual(["tiny"]);
      await untilApart(client);
      const { choices, usage } = await route(client, "Hello");
      expect(choices[0]?.finish_reason).toBe("length");
      expect(usage?.completion_tokens).toBe(7);
      const stream = await client.chat.completions.create({
        ...ask("Hello", { max_tokens: 9 }),
        stream: true,
        stream_options: { include_usage: true },
      });
      let streamed: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) streamed = chunk.usage ?? streamed;
      expect(streamed?.completion_tokens).toBe(9);
      await worker.stop("SIGKILL");
      await listed(client).toEqual([]);
    },
  );

  test("several choices are pairs of their own", async () => {
    const client = await deployment.ourFrontend();
    await decode();
    await prefill("--bootstrap-ports", String(await freePort()));
    await listed(client).toEqual(["tiny"]);
    await untilApart(client);
    const { choices } = await route(client, "Hello", { n: 3 });
    expect(choices.map(({ finish_reason: reason }) => reason)).toEqual([
      "length",
      "length",
      "length",
    ]);
  });

  test("a prefill worker that names no meeting is asked first", async () => {
    const client = await deployment.ourFrontend();
    await decode();
    await prefill();
    await listed(client).toEqual(["tiny"]);
    await untilApart(client);
    const { usage } = await route(client, "Hello");
    expect(usage?.completion_tokens).toBe(7);
  });

  test("mode kv: growing prompts keep their prefill worker, and no prefill worker decodes", async () => {
    const client = await deployment.ourFrontend("--router-mode", "kv");
    await Promise.all([decode(), decode()]);
    for (let i = 0; i < 2; i++) {
      await prefill("--bootstrap-ports", String(await freePort()), "--block-size", "16");
    }
    await listed(client).toEqual(["tiny"]);
    await untilApart(client);
    let content = "Once upon a time. ".repeat(30);
    const seen: { prefill: string | undefined; decode: string | undefined }[] = [];
    for (let i = 0; i < 4; i++) {
      seen.push(await route(client, content));
      // The worker's events are on their way.
      await new Promise((resolve) => setTimeout(resolve, 500));
      content += `And then ${i} more. `.repeat(10);
    }
    expect(new Set(seen.slice(1).map((it) => it.prefill)).size).toBe(1);
    const decodes = new Set(seen.map((it) => it.decode));
    for (const { prefill: id } of seen) expect(decodes.has(id)).toBe(false);
  });
});

runs("their frontend, our prefill and decode workers", () => {
  const pair = async (...more: string[]) => {
    const decode = await deployment.ourWorker(["--disaggregation-mode", "decode", ...more]);
    const prefill = await deployment.ourWorker(["--disaggregation-mode", "prefill", ...more]);
    return { decode, prefill };
  };

  test.each(["round-robin", "kv"])(
    "mode %s, mock engines: streams end, and both work",
    async (mode) => {
      const client = await deployment.theirFrontend(["--router-mode", mode]);
      await pair("--engine", "mock", "--page-size", "16");
      await listed(client).toEqual(["tiny"]);
      await untilApart(client);
      const { choices, usage } = await route(client, "Hello");
      expect(choices[0]?.finish_reason).toBe("length");
      expect(usage?.completion_tokens).toBe(7);
      for (let i = 0; i < 3; i++) {
        const stream = await client.chat.completions.create({
          ...ask(`Hello ${i}`, { max_tokens: 1_000, ignore_eos: true }),
          stream: true,
        });
        for await (const _ of stream) break;
        stream.controller.abort();
      }
      expect((await route(client, "Hello")).usage?.completion_tokens).toBe(7);
    },
  );

  test("the bundled model answers as it does behind our frontend, alone", async () => {
    const theirs = await deployment.theirFrontend();
    await pair();
    await listed(theirs).toEqual(["tiny"]);
    await untilApart(theirs);
    const ours = await deployment.ourFrontend();
    await listed(ours).toEqual(["tiny"]);
    for (const question of ["What is 12 + 30?", "What is 7 + 8?"]) {
      const more = { max_tokens: 24, temperature: 0, logprobs: true };
      const [one, other] = [await route(theirs, question, more), await route(ours, question, more)];
      expect(one.choices[0]?.message.content).toBe(other.choices[0]?.message.content);
      expect(one.prefill).toBe(other.prefill);
      expect(one.prefill).not.toBe(one.decode);
    }
  });

  test("decode workers are a model alone, and again when the prefill worker is gone", async () => {
    const client = await deployment.theirFrontend();
    await deployment.ourWorker(["--disaggregation-mode", "decode", "--engine", "mock"]);
    await listed(client).toEqual(["tiny"]);
    expect((await route(client, "Hello")).usage?.completion_tokens).toBe(7);
    const prefill = await deployment.ourWorker([
      ...["--disaggregation-mode", "prefill"],
      ...["--engine", "mock"],
    ]);
    await untilApart(client);
    await prefill.stop("SIGTERM");
    await expect
      .poll(
        async () => (await route(client, "Hello").catch(() => null))?.usage?.completion_tokens,
        {
          timeout: 20_000,
        },
      )
      .toBe(7);
  });
});

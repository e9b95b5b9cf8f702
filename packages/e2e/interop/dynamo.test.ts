// Programs of ours and real Dynamo 1.6.1 in one deployment: `pnpm interop`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EtcdServer } from "@dyn/testing";
import { modelPath } from "@dyn/tiny-models";
import OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type StartedProgram, startProgram } from "../src/start-program.ts";
import { DynamoPeer, type PeerPlanes } from "./dynamo-peer.ts";

const peer = DynamoPeer.prepare();
const etcd = await EtcdServer.start();
const directory = modelPath("dyn-tiny-chat");
const folder = mkdtempSync(join(tmpdir(), "dyn-interop-"));
afterAll(async () => {
  await etcd?.close();
  rmSync(folder, { recursive: true, force: true });
});

const deployments: [string, PeerPlanes | null][] = [
  ["file", { flags: ["--discovery-backend", "file"], env: { DYN_FILE_KV: folder } }],
  ["etcd", etcd && { flags: ["--discovery-backend", "etcd"], env: { ETCD_ENDPOINTS: etcd.url } }],
];

describe.each(deployments)("discovery in %s, requests over tcp", (_name, planes) => {
  const open: StartedProgram[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((program) => program.stop("SIGKILL")));
    // What a killed process leaves behind must not reach the next test.
    rmSync(folder, { recursive: true, force: true });
    await etcd?.clear();
  });
  const keep = <P extends StartedProgram>(program: P): P => {
    open.push(program);
    return program;
  };

  const ourFrontend = async () => {
    const program = keep(
      await startProgram({
        app: "frontend",
        args: [...planes!.flags],
        env: { ...planes!.env, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
        ready: /"url":"(http:[^"]+)"/,
      }),
    );
    return createClient(program.ready);
  };
  const ourWorker = async (...args: string[]) =>
    keep(
      await startProgram({
        app: "worker",
        args: ["--model-path", directory, "--served-model-name", "tiny", ...planes!.flags, ...args],
        env: { ...planes!.env, DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "1" },
        ready: /"model":"(tiny)"/,
      }),
    );
  const createClient = (url: string) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const theirFrontend = async (...flags: string[]) =>
    createClient(keep(await peer!.startFrontend(planes!, ...flags)).url);
  const theirMocker = async (...flags: string[]) =>
    keep(await peer!.startMocker(planes!, directory, "tiny", ...flags));
  const listed = (client: OpenAI) =>
    expect.poll(async () => (await client.models.list()).data.map(({ id }) => id), {
      timeout: 40_000,
    });
  const ask = (content: string, more: object = {}) => ({
    model: "tiny",
    messages: [{ role: "user" as const, content }],
    ...more,
  });

  const runs = describe.skipIf(peer === null || planes === null);

  runs("our frontend, their mocker", () => {
    test("the model appears, chat streams and ends, a killed worker leaves", async () => {
      const client = await ourFrontend();
      const mocker = await theirMocker("--speedup-ratio", "100");
      await listed(client).toEqual(["tiny"]);
      const answer = await client.chat.completions.create(ask("Hello", { max_tokens: 17 }));
      expect(answer.usage?.completion_tokens).toBe(17);
      expect(answer.choices[0]?.finish_reason).toBe("length");
      const stream = await client.chat.completions.create({
        ...ask("Hello", { max_tokens: 9 }),
        stream: true,
        stream_options: { include_usage: true },
      });
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) usage = chunk.usage ?? usage;
      expect(usage?.completion_tokens).toBe(9);
      await mocker.stop("SIGTERM");
      await listed(client).toEqual([]);
    });

    test("a client that leaves is a kill at the mocker, which goes on serving", async () => {
      const client = await ourFrontend();
      await theirMocker("--speedup-ratio", "1");
      await listed(client).toEqual(["tiny"]);
      for (let i = 0; i < 5; i++) {
        const stream = await client.chat.completions.create({
          ...ask("Hello", { max_tokens: 1_000 }),
          stream: true,
        });
        for await (const _ of stream) break;
        stream.controller.abort();
      }
      const answer = await client.chat.completions.create(ask("Hello", { max_tokens: 3 }));
      expect(answer.usage?.completion_tokens).toBe(3);
    });

    test("a mocker that dies in mid-stream is a typed error, not a short answer", async () => {
      const client = await ourFrontend();
      const mocker = await theirMocker("--speedup-ratio", "1");
      await listed(client).toEqual(["tiny"]);
      const answer = client.chat.completions.create(ask("Hello", { max_tokens: 2_000 }));
      setTimeout(() => void mocker.stop("SIGKILL"), 1_500);
      await expect(answer).rejects.toMatchObject({ status: 503 });
    });

    test("a draining mocker finishes what it began and takes nothing new", async () => {
      const client = await ourFrontend();
      const mocker = await theirMocker("--speedup-ratio", "1");
      await listed(client).toEqual(["tiny"]);
      const running = client.chat.completions.create(ask("Hello", { max_tokens: 300 }));
      await new Promise((resolve) => setTimeout(resolve, 500));
      const stopped = mocker.stop("SIGTERM");
      expect((await running).usage?.completion_tokens).toBe(300);
      await stopped;
      await listed(client).toEqual([]);
    });
  });

  runs("their frontend, our worker", () => {
    test("the model appears, and tokens, text and log-probabilities are right", async () => {
      const client = await theirFrontend();
      await ourWorker();
      await listed(client).toEqual(["tiny"]);
      const theirs = await client.chat.completions.create(
        ask("What is 12 + 30?", { temperature: 0, logprobs: true, top_logprobs: 2 }),
      );
      const direct = await ourFrontend();
      await listed(direct).toEqual(["tiny"]);
      const ours = await direct.chat.completions.create(
        ask("What is 12 + 30?", { temperature: 0, logprobs: true, top_logprobs: 2 }),
      );
      expect(theirs.choices[0]?.message.content).toBe(ours.choices[0]?.message.content);
      expect(theirs.usage?.completion_tokens).toBe(ours.usage?.completion_tokens);
      const scores = (answer: OpenAI.ChatCompletion) =>
        answer.choices[0]?.logprobs?.content?.map(({ logprob }) => logprob.toFixed(4));
      const shared = Math.min(scores(theirs)?.length ?? 0, scores(ours)?.length ?? 0);
      expect(shared).toBeGreaterThan(3);
      expect(scores(theirs)?.slice(0, shared)).toEqual(scores(ours)?.slice(0, shared));
    });

    test("streams end, a client that leaves frees the worker, a stopped worker leaves", async () => {
      const client = await theirFrontend();
      const worker = await ourWorker();
      await listed(client).toEqual(["tiny"]);
      const stream = await client.chat.completions.create({
        ...ask("Count from 1 to 200.", { ignore_eos: true, max_tokens: 2_000 }),
        stream: true,
      });
      for await (const _ of stream) break;
      stream.controller.abort();
      const answer = await client.chat.completions.create(ask("Hello!", { temperature: 0 }));
      expect(answer.choices[0]?.finish_reason).toBe("stop");
      expect(await worker.stop()).toBe(0);
      await listed(client).toEqual([]);
    });
  });

  runs("both makes of worker behind both makes of frontend", () => {
    test("round robin reaches a real mocker and our mock engine alike", async () => {
      const clients = [await ourFrontend(), await theirFrontend()];
      await theirMocker("--speedup-ratio", "100", "--block-size", "16");
      for (const client of clients) await listed(client).toEqual(["tiny"]);
      await ourWorker("--engine", "mock", "--endpoint", "dynamo.second.generate");
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      for (const client of clients) {
        for (let i = 0; i < 4; i++) {
          const answer = await client.chat.completions.create(
            ask("Hello", { max_tokens: 7, ignore_eos: true }),
          );
          expect(answer.usage?.completion_tokens).toBe(7);
        }
      }
    });
  });
});

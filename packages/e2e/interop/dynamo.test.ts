// Programs of ours and real Dynamo 1.6.1 in one deployment: `pnpm interop`.
import type OpenAI from "openai";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { fetchMetrics, readMetric, untilMetric } from "../src/read-metrics.ts";
import { ask, InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const servers = await InteropServers.start();
afterAll(() => servers.close());

describe.each([
  ["file", "tcp"],
  ["etcd", "tcp"],
  ["file", "nats"],
  ["etcd", "nats"],
] as const)("discovery in %s, requests over %s", (discovery, requests) => {
  const planes = servers.planes(discovery, requests);
  let deployment: MixedDeployment;
  beforeEach(() => {
    deployment = new MixedDeployment(planes!);
  });
  afterEach(async () => {
    await deployment.close();
    await servers.clear();
  });

  const runs = describe.skipIf(peer === null || planes === null);

  runs("our frontend, their mocker", () => {
    test("the model appears, chat streams and ends, a killed worker leaves", async () => {
      const client = await deployment.ourFrontend();
      const mocker = await deployment.theirMocker(["--speedup-ratio", "100"]);
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
      const client = await deployment.ourFrontend();
      await deployment.theirMocker(["--speedup-ratio", "1"]);
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
      const client = await deployment.ourFrontend();
      const mocker = await deployment.theirMocker(["--speedup-ratio", "1"]);
      await listed(client).toEqual(["tiny"]);
      const answer = client.chat.completions.create(ask("Hello", { max_tokens: 2_000 }));
      setTimeout(() => void mocker.stop("SIGKILL"), 1_500);
      await expect(answer).rejects.toMatchObject({ status: 503 });
    });

    // The reference applies its limits to requests over TCP alone.
    test.runIf(requests === "tcp")(
      "a mocker that is full is 529 with Retry-After, and served again when it has room",
      async () => {
        const client = await deployment.ourFrontend();
        await deployment.theirMocker(["--speedup-ratio", "1"], {
          DYN_ENGINE_REQUEST_LIMIT: "1",
          DYN_DYNAMO_REQUEST_QUEUE_LIMIT: "1",
        });
        await listed(client).toEqual(["tiny"]);
        const answers = Array.from({ length: 4 }, (_, i) =>
          client.chat.completions.create(ask(`Hello ${i}`, { max_tokens: 200 })),
        );
        const ends = await Promise.allSettled(answers);
        const refused = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
        expect(refused.length).toBeGreaterThan(0);
        expect(refused.length).toBeLessThan(4);
        for (const error of refused) {
          expect(error).toMatchObject({ status: 529 });
          expect(Number(error.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
        }
        const later = await client.chat.completions.create(ask("Hello", { max_tokens: 3 }));
        expect(later.usage?.completion_tokens).toBe(3);
      },
    );

    test("a draining mocker finishes what it began and takes nothing new", async () => {
      const client = await deployment.ourFrontend();
      const mocker = await deployment.theirMocker(["--speedup-ratio", "1"]);
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
      const client = await deployment.theirFrontend();
      await deployment.ourWorker();
      await listed(client).toEqual(["tiny"]);
      const theirs = await client.chat.completions.create(
        ask("What is 12 + 30?", { temperature: 0, logprobs: true, top_logprobs: 2 }),
      );
      const direct = await deployment.ourFrontend();
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
      const client = await deployment.theirFrontend();
      const worker = await deployment.ourWorker();
      await listed(client).toEqual(["tiny"]);
      const stream = await client.chat.completions.create({
        ...ask("Count from 1 to 200.", { ignore_eos: true, max_tokens: 2_000 }),
        stream: true,
      });
      for await (const _ of stream) break;
      stream.controller.abort();
      await untilMetric(worker.systemUrl, "sglang:num_running_reqs", (value) => value === 0);
      expect(
        readMetric(await fetchMetrics(worker.systemUrl), "sglang:num_aborted_requests_total"),
      ).toBe(1);
      const answer = await client.chat.completions.create(ask("Hello!", { temperature: 0 }));
      expect(answer.choices[0]?.finish_reason).toBe("stop");
      expect(await worker.stop()).toBe(0);
      await listed(client).toEqual([]);
    });

    test("our worker that is full is their 529; one that drains finishes what it began", async () => {
      const client = await deployment.theirFrontend();
      const slow = ["--engine", "mock", "--mock-decode-ms-per-step", "20"];
      const worker = await deployment.ourWorker([...slow, "--engine-request-limit", "1"], {
        DYN_DYNAMO_REQUEST_QUEUE_LIMIT: "0",
      });
      await listed(client).toEqual(["tiny"]);
      const more = { max_tokens: 150, ignore_eos: true };
      const running = client.chat.completions.create(ask("Hello", more));
      await untilMetric(worker.systemUrl, "dynamo_engine_request", (value) => value === 1);
      await expect(client.chat.completions.create(ask("Too much", more))).rejects.toMatchObject({
        status: 529,
      });
      const stopped = worker.stop();
      expect((await running).usage?.completion_tokens).toBe(150);
      expect(await stopped).toBe(0);
      await listed(client).toEqual([]);
    });

    test("when our worker's time for draining runs out, their frontend goes on at another of ours", async () => {
      const client = await deployment.theirFrontend(["--migration-limit", "3"]);
      const slow = ["--engine", "mock", "--mock-decode-ms-per-step", "20"];
      const first = await deployment.ourWorker(slow, {
        DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "0",
        DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: "0.3",
      });
      await listed(client).toEqual(["tiny"]);
      await deployment.ourWorker(slow);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const more = { max_tokens: 150, ignore_eos: true };
      const answers = [1, 2, 3, 4].map((i) =>
        client.chat.completions.create(ask(`Hello ${i}`, more)),
      );
      await untilMetric(first.systemUrl, "sglang:num_running_reqs", (value) => value > 0);
      expect(await first.stop()).toBe(3);
      for (const answer of await Promise.all(answers)) {
        expect(answer.usage?.completion_tokens).toBe(150);
      }
    });

    test("a killed worker of ours is their 503, and leaves", async () => {
      const client = await deployment.theirFrontend();
      const worker = await deployment.ourWorker(["--engine", "mock"]);
      await listed(client).toEqual(["tiny"]);
      const more = { max_tokens: 2_000, ignore_eos: true };
      const running = client.chat.completions.create(ask("Hello", more));
      running.catch(() => {});
      await untilMetric(worker.systemUrl, "sglang:num_running_reqs", (value) => value === 1);
      await worker.stop("SIGKILL");
      await expect(running).rejects.toMatchObject({ status: 503 });
      await listed(client).toEqual([]);
    });
  });

  runs("both makes of worker behind both makes of frontend", () => {
    test("round robin reaches a real mocker and our mock engine alike: their cards have one checksum", async () => {
      const clients = [await deployment.ourFrontend(), await deployment.theirFrontend()];
      const same = ["--block-size", "16", "--max-model-len", "4096"];
      await deployment.theirMocker(["--speedup-ratio", "100", ...same]);
      for (const client of clients) await listed(client).toEqual(["tiny"]);
      const worker = await deployment.ourWorker(["--engine", "mock", "--page-size", "16"]);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      let before = 0;
      for (const client of clients) {
        for (let i = 0; i < 6; i++) {
          const answer = await client.chat.completions.create(
            ask("Hello", { max_tokens: 7, ignore_eos: true }),
          );
          expect(answer.usage?.completion_tokens).toBe(7);
        }
        const page = await fetchMetrics(worker.systemUrl);
        const count = readMetric(page, "sglang:num_requests_total");
        expect(count - before).toBe(3);
        before = count;
      }
    });
  });
});

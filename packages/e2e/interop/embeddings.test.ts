// Real Dynamo 1.6.1's frontend before our embedding and rerank workers, and ours beside it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { modelPath } from "@dyn/tiny-models";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { InteropServers, listed, MixedDeployment, peer } from "./mixed-deployment.ts";

const reranker = join(import.meta.dirname, "../../engine-onnx/test/fixtures/rerank-qwen3");
const servers = await InteropServers.start();
afterAll(() => servers.close());

describe.each([
  ["file", "tcp"],
  ["etcd", "tcp"],
  ["file", "nats"],
] as const)("discovery in %s, requests over %s: their frontend", (discovery, requests) => {
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

  runs("before our embedding worker", () => {
    test("texts, ids, dimensions and both encodings give what our frontend gives", async () => {
      const theirs = await deployment.theirFrontend();
      const ours = await deployment.ourFrontend();
      await deployment.ourWorker([
        "--embedding-worker",
        "--model-path",
        modelPath("dyn-tiny-embed"),
      ]);
      for (const client of [theirs, ours]) await listed(client).toEqual(["tiny"]);
      for (const fields of [
        { input: "What pet does Ada have?" },
        { input: ["Ada has a cat.", "Paris"] },
        { input: [5, 6, 7] },
        { input: [[5, 6], [7]] },
        { input: "Paris", dimensions: 32 },
        { input: "Paris", encoding_format: "float" as const },
      ]) {
        const [a, b] = await Promise.all(
          [theirs, ours].map((client) => client.embeddings.create({ model: "tiny", ...fields })),
        );
        expect(a!.usage).toEqual(b!.usage);
        expect(a!.data).toHaveLength(b!.data.length);
        for (const [i, { embedding }] of a!.data.entries()) {
          expect(embedding).toHaveLength(fields.dimensions ?? 256);
          const other = b!.data[i]!.embedding;
          expect(Math.max(...embedding.map((x, j) => Math.abs(x - other[j]!)))).toBeLessThan(1e-5);
        }
      }
      // Their errors have another shape than OpenAI's clients read.
      const refused = await fetch(`${theirs.baseURL}/embeddings`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "tiny", input: "word ".repeat(3_000) }),
      });
      expect([refused.status, await refused.text()]).toEqual([
        400,
        expect.stringContaining("1024"),
      ]);
    });
  });

  runs("before our rerank worker", () => {
    test("documents come by relevance, as our frontend has them", async () => {
      const theirs = await deployment.theirFrontend();
      const ours = await deployment.ourFrontend();
      await deployment.ourWorker(["--rerank-worker", "--model-path", reranker]);
      for (const client of [theirs, ours]) await listed(client).toEqual(["tiny"]);
      const recorded = JSON.parse(readFileSync(join(reranker, "scores.json"), "utf8"));
      const { query, documents, scores } = recorded.cases[1];
      const body = { model: "tiny", query, documents, top_n: 2 };
      const lists = await Promise.all(
        [theirs, ours].map((client) =>
          client.post<{ index: number; score: number }[]>("/rerank", { body }),
        ),
      );
      for (const list of lists) {
        expect(list.map(({ index }) => index)).toEqual([0, 1]);
        for (const { index, score } of list)
          expect(Math.abs(score - scores[index])).toBeLessThan(1e-4);
      }
      expect(lists[0]).toEqual(lists[1]);
    });
  });
});

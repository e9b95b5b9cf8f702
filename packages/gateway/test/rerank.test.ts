// /v1/rerank as its clients see it, over a worker whose answers are written here.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { startEmbeddingWorker } from "./support/embedding-worker.ts";

let deployment: Deployment;
let worker: { close(): Promise<void> };
let asked: unknown;
let answerOf: (body: Record<string, unknown>) => unknown;

/** In the shape of Dynamo 1.6.1's worker. */
const ranked = [
  { score: 0.9, document: "b", index: 1, meta_info: { prompt_tokens: 7 } },
  { score: 0.2, document: "a", index: 0, meta_info: { prompt_tokens: 5 } },
];

beforeAll(async () => {
  deployment = await startDeployment();
  const answer = (body: Record<string, unknown>) => {
    asked = body;
    return answerOf(body);
  };
  worker = await startEmbeddingWorker(deployment.hub, "ranks", answer, {
    modelInput: "text",
    modelTypes: ["rerank"],
    sourcePath: "/nowhere",
  });
  await deployment.gateway.waitForModel("ranks", { signal: AbortSignal.timeout(30_000) });
});
afterAll(async () => {
  await worker.close();
  await deployment.close();
});

async function rank(body: object) {
  const answer = await fetch(`${deployment.url}/v1/rerank`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "ranks", query: "q", documents: ["a", "b"], ...body }),
  });
  return { status: answer.status, body: (await answer.json()) as unknown };
}

it("passes the body on and answers with the worker's list", async () => {
  answerOf = () => ranked;
  const body = { top_n: 2, return_documents: true, colour: "red" };
  expect(await rank(body)).toEqual({ status: 200, body: ranked });
  expect(asked).toEqual({ model: "ranks", query: "q", documents: ["a", "b"], ...body });
});

it.each([
  [{ query: " " }, "query"],
  [{ documents: [] }, "documents"],
  [{ documents: ["a", ""] }, "documents[1]"],
  [{ documents: "a" }, "documents"],
  [{ top_n: 0 }, "top_n"],
  [{ return_documents: "no" }, "return_documents"],
])("refuses %j", async (fields, param) => {
  const { status, body } = await rank(fields);
  expect(status).toBe(400);
  expect((body as { error: { param: string } }).error.param).toBe(param);
});

it("is for rerank models alone", async () => {
  expect((await rank({ model })).status).toBe(404);
  const { error } = (await rank({ model: "unknown" })).body as { error: { message: string } };
  expect(error.message).toContain("ranks");
});

it("says so when the worker answers something else", async () => {
  answerOf = () => ({ results: [] });
  expect((await rank({})).status).toBe(500);
  answerOf = () => undefined;
  expect((await rank({})).status).toBe(503);
});

it("is counted by its own endpoint, with the tokens that the worker tells of", async () => {
  answerOf = () => ranked;
  await rank({});
  const page = await (await fetch(`${deployment.url}/metrics`)).text();
  expect(page).toMatch(
    /dynamo_frontend_requests_total\{[^}]*model="ranks"[^}]*endpoint="rerank"[^}]*status="success"/,
  );
  expect(page).toMatch(/dynamo_frontend_input_sequence_tokens_sum\{model="ranks"\} [1-9]/);
});

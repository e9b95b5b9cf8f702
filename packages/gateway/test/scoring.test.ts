// /v1/classify and /v1/pooling over workers whose answers are written here, in the shapes of vLLM's.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment, until } from "./support/deployment.ts";
import { startEmbeddingWorker } from "./support/embedding-worker.ts";
import { postJson } from "./support/post-json.ts";

let deployment: Deployment;
const workers: { close(): Promise<void> }[] = [];
let asked: unknown;
let answer: unknown;

beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(async () => {
  for (const worker of workers) await worker.close();
  await deployment.close();
});

const post = (path: string, body: object) => postJson(deployment.url + path, body);

describe.each(["classify", "pooling"] as const)("/v1/%s", (type) => {
  const path = `/v1/${type}`;
  const list = {
    object: "list",
    data: [{ index: 0, label: "good", probs: [0.1, 0.9] }],
    usage: { prompt_tokens: 3, total_tokens: 3 },
  };

  it("is off until a model of its type is served", async () => {
    const { status, error } = await post(path, { model: type, input: "a" });
    expect([status, error.code]).toEqual([404, "route_off"]);
    expect(error.message).toContain(`no model of ${type} is served`);
    workers.push(
      await startEmbeddingWorker(
        deployment.hub,
        type,
        (body) => {
          asked = body;
          return answer;
        },
        { modelInput: "text", modelTypes: [type], sourcePath: "/nowhere" },
      ),
    );
    await until(async () => (await post(path, { model: type })).status === 400, "the route is on");
  });

  it("passes the body on with the reference's defaults, and answers with the list", async () => {
    answer = list;
    const fields = { input: ["a", "b"], user: "me", colour: "red" };
    expect((await post(path, { model: type, ...fields })).body).toEqual(list);
    const defaults = type === "pooling" ? { encoding_format: "float" } : {};
    expect(asked).toEqual({ model: type, ...fields, priority: 0, ...defaults });
  });

  it.each([
    [{}, "input"],
    [{ input: 3 }, "input"],
    [{ input: [] }, "input"],
    [{ input: "a", priority: 0.5 }, "priority"],
  ])("refuses %j", async (fields, param) => {
    const { status, error } = await post(path, { model: type, ...fields });
    expect([status, error.param]).toEqual([400, param]);
  });

  it("knows its own models alone", async () => {
    const { status, error } = await post(path, { model: "tiny/chat", input: "a" });
    expect([status, error.code]).toEqual([404, "model_not_found"]);
  });

  it("an answer that is no list is the server's fault", async () => {
    answer = { nothing: true };
    expect((await post(path, { model: type, input: "a" })).status).toBe(500);
  });
});

it("dimensions of pooled vectors are refused, as the reference does", async () => {
  const { status, error } = await post("/v1/pooling", {
    model: "pooling",
    input: "a",
    dimensions: 3,
  });
  expect([status, error.param]).toEqual([400, "dimensions"]);
});

import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer } from "@dyn/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";
import { postJson } from "./support/post-json.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment.close());

const post = (path: string, body: object) => postJson(deployment.url + path, { model, ...body });

describe("tokenize", () => {
  it("gives a text's ids, one or several at a time, with their texts when asked", async () => {
    const tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
    const expected = Array.from(tokenizer.encode("héllo 🙂", { addSpecialTokens: true }));
    const one = await post("/tokenize", { prompt: "héllo 🙂" });
    expect(one.body).toEqual({ tokens: expected, count: expected.length, max_model_len: 4096 });
    const two = await post("/v1/tokenize", { prompt: ["héllo 🙂", ""], return_token_strs: true });
    expect(two.body.tokens).toEqual([expected, []]);
    expect((two.body.token_strs as string[][])[0]).toHaveLength(expected.length);
  });

  it("gives a chat's ids as its answer would count them", async () => {
    const messages = [{ role: "user" as const, content: "hello" }];
    const chat = await deployment.client.chat.completions.create({
      model,
      messages,
      max_tokens: 1,
    });
    const { body } = await post("/tokenize", { messages });
    expect(body.count).toBe(chat.usage!.prompt_tokens);
  });

  it.each([
    [{}, "prompt"],
    [{ prompt: "a", messages: [{ role: "user", content: "a" }] }, "prompt"],
    [{ prompt: 5 }, "prompt"],
    [{ prompt: "a", colour: 1 }, "colour"],
  ])("refuses %j", async (fields, param) => {
    const { status, body } = await post("/tokenize", fields);
    expect(status).toBe(400);
    expect((body.error as { param: string }).param).toBe(param);
  });

  it("does not know other models", async () => {
    expect((await post("/tokenize", { model: "nobody", prompt: "a" })).status).toBe(404);
  });
});

describe("detokenize", () => {
  it("is tokenize's inverse", async () => {
    const { body } = await post("/tokenize", { prompt: ["one", "two é 🙂"] });
    expect((await post("/detokenize", { tokens: body.tokens })).body).toEqual({
      text: ["one", "two é 🙂"],
    });
    const [first] = body.tokens as number[][];
    expect((await post("/v1/detokenize", { tokens: first })).body).toEqual({ text: "one" });
  });

  it("names the id that is no token", async () => {
    const { status, body } = await post("/detokenize", { tokens: [5, 999_999] });
    expect(status).toBe(400);
    expect((body.error as { message: string }).message).toMatch(/tokens\[1\] is 999999/);
  });
});

// Which tokens an answer may have, and answers and prompts told by token: through the HTTP door.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment.close());

async function ask(body: object, path = "chat/completions") {
  const base =
    path === "completions"
      ? { prompt: "hello" }
      : { messages: [{ role: "user", content: "hello" }] };
  const response = await fetch(`${deployment.url}/v1/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 24, seed: 1, ignore_eos: true, ...base, ...body }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what came is looked at by its fields
  return { status: response.status, body: (await response.json()) as any };
}
const ids = { nvext: { extra_fields: ["completion_token_ids"] } };
const idsOf = async (body: object, path?: string): Promise<number[]> =>
  (await ask({ ...ids, ...body }, path)).body.nvext.completion_token_ids;

test.each(["chat/completions", "completions"])(
  "%s: no token but the allowed ones",
  async (path) => {
    const allowed = [300, 301, 777];
    const answer = await idsOf({ allowed_token_ids: allowed }, path);
    expect(answer).toHaveLength(24);
    expect(new Set(answer)).toEqual(new Set(allowed));
  },
);

test("a banned token never comes, a banned row never whole", async () => {
  const [first, second] = await idsOf({ temperature: 0 });
  const single = await idsOf({ temperature: 0, bad_words_token_ids: [first] });
  expect(single).not.toContain(first);
  const row = await idsOf({ temperature: 0, bad_words_token_ids: [[first, second]] });
  expect(row[0]).toBe(first);
  expect(row[1]).not.toBe(second);
});

test("what the lists leave nothing of is the client's fault", async () => {
  const { status, body } = await ask({ allowed_token_ids: [5], bad_words_token_ids: [5] });
  expect({ status, param: body.error.param }).toEqual({ status: 400, param: "allowed_token_ids" });
});

test.each([
  [{ allowed_token_ids: [] }, "allowed_token_ids", "1 to 65536 token ids"],
  [{ allowed_token_ids: [4096] }, "allowed_token_ids", "end at 4095"],
  [{ allowed_token_ids: "5" }, "allowed_token_ids", "1 to 65536 token ids"],
  [{ bad_words_token_ids: [[]] }, "bad_words_token_ids[0]", "lists of 1 to 64"],
  [{ bad_words_token_ids: [[1, 4096]] }, "bad_words_token_ids", "end at 4095"],
  [{ prompt_logprobs: 21 }, "prompt_logprobs", "between 0 and 20"],
  [{ prompt_logprobs: 1, stream: true }, "prompt_logprobs", "stream is true"],
  [{ detokenize: false, stop: "x" }, "stop", "stop_token_ids"],
  [{ detokenize: false, n: 2 }, "n", "stream: true"],
])("%j is refused by name", async (fields, param, message) => {
  const { status, body } = await ask(fields);
  expect({ status, param: body.error.param }).toEqual({ status: 400, param });
  expect(body.error.message).toContain(message);
});

test("prompt_logprobs tell of each token of a chat's prompt", async () => {
  const { body } = await ask({ prompt_logprobs: 2 });
  const scores = body.prompt_logprobs;
  expect(scores).toHaveLength(body.usage.prompt_tokens);
  expect(scores[0]).toBeNull();
  for (const entry of scores.slice(1)) {
    const all = Object.values(entry) as { logprob: number; rank?: number; decoded_token: string }[];
    expect(all.length).toBeGreaterThanOrEqual(2);
    expect(all.filter(({ rank }) => rank === 1)).toHaveLength(1);
    for (const { logprob } of all) expect(logprob).toBeLessThanOrEqual(0);
  }
  expect((await ask({})).body).not.toHaveProperty("prompt_logprobs");
});

test("detokenize: false gives ids and no text, whole and streamed", async () => {
  const expected = await idsOf({});
  const whole = await ask({ detokenize: false });
  expect(whole.body.choices[0].message.content).toBeNull();
  expect(whole.body.nvext.completion_token_ids).toEqual(expected);
  const response = await fetch(`${deployment.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...{ model, prompt: "hello", max_tokens: 24, seed: 1, ignore_eos: true },
      ...{ detokenize: false, stream: true },
    }),
  });
  const chunks = (await response.text())
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice(6)));
  expect(chunks.length).toBeGreaterThan(1);
  expect(chunks.map(({ choices }) => choices[0].text).join("")).toBe("");
  const streamed = chunks.flatMap(({ nvext }) => nvext?.completion_token_ids ?? []);
  expect(streamed).toEqual(await idsOf({}, "completions"));
});

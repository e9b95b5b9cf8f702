// vLLM's token ids in, token ids out: what /v1/completions says of the same ids is the oracle.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";
import { startScriptedWorker } from "./support/scripted-worker.ts";

interface Answer {
  readonly request_id: string;
  readonly choices: readonly {
    readonly index: number;
    readonly finish_reason: string;
    readonly token_ids: readonly number[];
    readonly logprobs: {
      readonly content: readonly { token: string; logprob: number; top_logprobs: unknown[] }[];
    } | null;
  }[];
  readonly prompt_logprobs: readonly unknown[] | null;
  readonly error: { readonly message: string; readonly param: string };
}

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment({ settings: { vllmGenerate: true } });
});
afterAll(() => deployment.close());

const prompt = [72, 300, 301, 302];

async function post(path: string, body: object) {
  const response = await fetch(deployment.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "of-the-header" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

const generate = (sampling: object, rest: object = {}) =>
  post("/inference/v1/generate", { token_ids: prompt, sampling_params: sampling, ...rest });

describe("/inference/v1/generate", () => {
  it("gives the ids that /v1/completions gives for the same seed, under the caller's id", async () => {
    const sampling = { max_tokens: 12, seed: 5, temperature: 1, ignore_eos: true };
    const { status, body } = await generate(sampling, { model, request_id: "mine" });
    expect(status).toBe(200);
    const { body: oracle } = await post("/v1/completions", {
      ...{ model, prompt, detokenize: false },
      ...sampling,
    });
    const { nvext } = oracle as unknown as { nvext: { completion_token_ids: number[] } };
    expect(body).toEqual({
      request_id: "mine",
      choices: [
        {
          index: 0,
          logprobs: null,
          finish_reason: "length",
          token_ids: nvext.completion_token_ids,
        },
      ],
      prompt_logprobs: null,
      kv_transfer_params: null,
    });
  });

  it("needs no model where there is one, and makes 16 tokens where nobody says how many", async () => {
    const { body } = await generate({ ignore_eos: true });
    expect(body.request_id).toBe("of-the-header");
    expect(body.choices[0]!.token_ids).toHaveLength(16);
  });

  it("scores each of its tokens, and the prompt's", async () => {
    const { body } = await generate({
      ...{ n: 2, max_tokens: 5, logprobs: 2, prompt_logprobs: 1, temperature: 1, seed: 1 },
      ignore_eos: true,
    });
    expect(body.choices).toHaveLength(2);
    for (const { token_ids: ids, logprobs } of body.choices) {
      expect(logprobs!.content.map(({ token }) => token)).toEqual(
        ids.map((id) => `token_id:${id}`),
      );
      for (const { top_logprobs: top } of logprobs!.content) expect(top).toHaveLength(2);
    }
    expect(body.prompt_logprobs).toHaveLength(prompt.length);
    expect(body.prompt_logprobs![0]).toBeNull();
    expect(Object.keys(body.prompt_logprobs![1] as object)).toContain(String(prompt[1]));
  });

  it("ends with a stop id, and keeps it and its score", async () => {
    const free = (await generate({ max_tokens: 8, seed: 3, ignore_eos: true })).body.choices[0]!;
    const third = free.token_ids[2]!;
    const first = free.token_ids.indexOf(third);
    const { body } = await generate({
      ...{ max_tokens: 8, seed: 3, stop_token_ids: [third], logprobs: 0 },
    });
    const [choice] = body.choices;
    expect(choice!.token_ids).toEqual(free.token_ids.slice(0, first + 1));
    expect(choice!.logprobs!.content).toHaveLength(first + 1);
    expect(choice!.finish_reason).toBe("stop");
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("ends with a stop string, by the tokens that made it", async () => {
    const free = (await generate({ max_tokens: 8, seed: 4, ignore_eos: true })).body.choices[0]!;
    const { body } = await post("/detokenize", { model, tokens: free.token_ids });
    const text = (body as unknown as { text: string }).text;
    const stop = text.slice(-2);
    const stopped = (await generate({ max_tokens: 8, seed: 4, stop })).body.choices[0]!;
    expect(stopped.finish_reason).toBe("stop");
    expect(free.token_ids.slice(0, stopped.token_ids.length)).toEqual(stopped.token_ids);
  });

  it("tells workers of its urgency: less is more", async () => {
    const asked: Record<string, unknown>[] = [];
    const worker = await startScriptedWorker(deployment.hub, "scripted", async function* (request) {
      asked.push(request as unknown as Record<string, unknown>);
      yield { token_ids: [1], finish_reason: "length" };
    });
    try {
      await deployment.gateway.waitForModel("scripted", { signal: AbortSignal.timeout(30_000) });
      await generate({}, { model: "scripted", priority: 3, cache_salt: "s" });
      expect(asked[0]!.routing).toMatchObject({ priority: -3, cache_salt: "s" });
      // Two models, and no name.
      expect((await generate({})).status).toBe(400);
    } finally {
      await worker.close();
    }
  });

  it.each([
    ["a stream", {}, { stream: true }, 501, "stream"],
    ["a parameter that is not known", { best_of: 2 }, {}, 400, "sampling_params.best_of"],
    ["a temperature that is none", { temperature: 3 }, {}, 400, "sampling_params.temperature"],
    ["pictures", {}, { features: { a: 1 } }, 400, "features"],
    ["text", {}, { token_ids: "hello" }, 400, "token_ids"],
    ["an id that the model has not", {}, { token_ids: [1, 4096] }, 400, "token_ids"],
    ["more than fits", { max_tokens: 5000 }, {}, 400, "sampling_params.max_tokens"],
    ["no parameters", {}, { sampling_params: null }, 400, "sampling_params"],
    ["an unknown model", {}, { model: "nobody" }, 404, "model"],
  ])("refuses %s", async (_, sampling, rest, status, param) => {
    const answer = await generate(sampling, { model, ...rest });
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
  });
});

it("is unknown unless it is switched on", async () => {
  const off = await startDeployment();
  try {
    const response = await fetch(`${off.url}/inference/v1/generate`, { method: "POST" });
    expect(response.status).toBe(404);
  } finally {
    await off.close();
  }
});

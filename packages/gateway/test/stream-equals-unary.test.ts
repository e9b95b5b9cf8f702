// A stream put together again is the whole answer, whatever was asked for.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment.close());

const shared = {
  n: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  seed: fc.integer({ min: 0, max: 1000 }),
  max_tokens: fc.integer({ min: 1, max: 60 }),
  stop: fc.option(
    fc.array(fc.constantFrom("e", "an", " the", "or", "1", "st", "\n", "ing "), {
      minLength: 1,
      maxLength: 3,
    }),
    { nil: undefined },
  ),
  include_stop_str_in_output: fc.boolean(),
  ignore_eos: fc.boolean(),
  min_tokens: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  skip_special_tokens: fc.boolean(),
  stop_token_ids: fc.option(
    fc.uniqueArray(fc.integer({ min: 0, max: 4095 }), { minLength: 1, maxLength: 200 }),
    {
      nil: undefined,
    },
  ),
};
const chatBody = fc.record({
  ...shared,
  top_logprobs: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  temperature: fc.constantFrom(0, 0.7, 1),
});
const textBody = fc.record({
  ...shared,
  logprobs: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
  echo: fc.boolean(),
  prompt: fc.constantFrom<string | string[] | number[]>(
    "hello",
    ["one", "two é 🙂"],
    [17, 900, 33],
  ),
});

async function post(path: string, body: object): Promise<Response> {
  const answer = await fetch(deployment.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.status !== 200) throw new Error(await answer.text());
  return answer;
}

/** Choices of a stream, folded without any of the server's code. */
async function readStream(answer: Response) {
  const text = await answer.text();
  const events = text.split("\n\n").filter((event) => event !== "");
  expect(events.at(-1)).toBe("data: [DONE]");
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)));
  const choices = new Map<number, Record<string, unknown>>();
  for (const chunk of chunks) {
    for (const part of chunk.choices) {
      const choice = choices.get(part.index) ?? {
        text: "",
        logprobs: null,
        finish: null,
        stop: null,
      };
      expect(choice.finish).toBeNull();
      choice.text += part.text ?? part.delta.content ?? "";
      if (part.logprobs) choice.logprobs = joinArrays(choice.logprobs, part.logprobs);
      choice.finish = part.finish_reason;
      choice.stop = part.stop_reason ?? null;
      choices.set(part.index, choice);
    }
  }
  const usage = chunks.at(-1).usage;
  return { choices: [...choices].sort(([a], [b]) => a - b).map(([, choice]) => choice), usage };
}

function joinArrays(before: unknown, part: Record<string, unknown>): Record<string, unknown> {
  const whole = (before ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => [
      key,
      Array.isArray(value) ? [...((whole[key] as unknown[]) ?? []), ...value] : value,
    ]),
  );
}

interface WholeAnswer {
  readonly choices: readonly WholeChoice[];
  readonly usage: Readonly<Record<string, unknown>>;
}

interface WholeChoice {
  readonly text?: string;
  readonly message: { readonly content: string | null };
  readonly logprobs: unknown;
  readonly finish_reason: string;
  readonly stop_reason?: string | number;
}

async function expectEqual(path: string, body: object): Promise<void> {
  const whole = (await (await post(path, body)).json()) as WholeAnswer;
  const streamed = await readStream(
    await post(path, { ...body, stream: true, stream_options: { include_usage: true } }),
  );
  const choices = whole.choices.map((choice) => ({
    text: choice.text ?? choice.message.content ?? "",
    logprobs: emptyToNull(choice.logprobs),
    finish: choice.finish_reason,
    stop: choice.stop_reason ?? null,
  }));
  expect(
    streamed.choices.map((choice) => ({ ...choice, logprobs: emptyToNull(choice.logprobs) })),
  ).toEqual(choices);
  // What the cache held differs between the two.
  const { prompt_tokens_details: _, ...usage } = whole.usage;
  expect(streamed.usage).toMatchObject(usage);
}

/** A choice without tokens has no log-probabilities, in whichever form that is said. */
function emptyToNull(logprobs: unknown): unknown {
  const lists = Object.values(logprobs ?? {}).filter(Array.isArray);
  return lists.every((list) => list.length === 0) ? null : logprobs;
}

it("for chats", async () => {
  await fc.assert(
    fc.asyncProperty(chatBody, async ({ top_logprobs, ...body }) => {
      const messages = [{ role: "user", content: "hello" }];
      const scores = top_logprobs === undefined ? {} : { logprobs: true, top_logprobs };
      await expectEqual("/v1/chat/completions", { model, messages, ...body, ...scores });
    }),
    { numRuns: 60 },
  );
  await until(() => isIdle(deployment.engine), "an idle engine");
});

it("for text completions", async () => {
  await fc.assert(
    fc.asyncProperty(textBody, (body) => expectEqual("/v1/completions", { model, ...body })),
    { numRuns: 60 },
  );
  await until(() => isIdle(deployment.engine), "an idle engine");
});

// What a client sees when a worker fails, before the first token and after it.
import { type EngineOutputItem, InvalidArgumentError, OverloadedError } from "@dyn/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment, until } from "./support/deployment.ts";
import { type Script, startScriptedWorker } from "./support/scripted-worker.ts";

let deployment: Deployment;
const workers: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(async () => {
  for (const worker of workers) await worker.close();
  await deployment.close();
});

const item = (fields: Partial<EngineOutputItem>): EngineOutputItem => ({
  token_ids: [],
  ...fields,
});
let modelCount = 0;

/** Asks a fresh model whose worker follows the script. */
async function ask(script: Script, body: object = {}, headers: Record<string, string> = {}) {
  modelCount += 1;
  const name = `scripted-${modelCount}`;
  workers.push(await startScriptedWorker(deployment.hub, name, script));
  await deployment.gateway.waitForModel(name, { signal: AbortSignal.timeout(30_000) });
  const answer = await fetch(`${deployment.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: name, prompt: "hello", ...body }),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const events = (text: string) => text.split("\n\n").filter((event) => event !== "");
const eventData = (event: string) => JSON.parse(event.slice("data: ".length));

describe("a worker's refusal", () => {
  const refuse: Script = async function* () {
    yield* [];
    throw new InvalidArgumentError("The prompt is odd. Send an even one.");
  };

  it("keeps its status and sentence, streamed or not", async () => {
    for (const stream of [false, true]) {
      const answer = await ask(refuse, { stream });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text).error.message).toBe("The prompt is odd. Send an even one.");
    }
  });

  it("for load says when to come again", async () => {
    const answer = await ask(async function* () {
      yield* [];
      throw new OverloadedError("The queue is full.");
    });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  });
});

describe("a worker's fault", () => {
  it("keeps its text to the log", async () => {
    const answer = await ask(async function* () {
      yield* [];
      throw new Error("secret path /etc/x");
    });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret");
    expect(deployment.log.join("\n")).toContain("secret path");
  });

  it("in mid-stream is the last event before [DONE]", async () => {
    const answer = await ask(
      async function* () {
        yield item({ token_ids: [70, 71] });
        await new Promise((resolve) => setTimeout(resolve, 20));
        throw new OverloadedError("The engine went away.");
      },
      { stream: true },
    );
    expect(answer.status).toBe(200);
    const all = events(answer.text);
    expect(all).toHaveLength(3);
    expect(eventData(all[0]!).choices[0].text).not.toBe("");
    expect(eventData(all[1]!)).toEqual({
      error: {
        message: "The engine went away.",
        type: "service_unavailable",
        param: null,
        code: "overloaded",
      },
    });
    expect(all[2]).toBe("data: [DONE]");
  });

  it.each([
    ["nothing at all", []],
    ["no finish reason", [item({ token_ids: [70] })]],
  ])("of answering with %s is a broken answer", async (_, items) => {
    const script: Script = async function* () {
      yield* items;
    };
    const whole = await ask(script);
    expect(whole.status).toBe(503);
    expect(JSON.parse(whole.text).error.message).toMatch(/broke off/);
    const streamed = await ask(script, { stream: true });
    if (streamed.status === 200) expect(events(streamed.text).at(-2)).toMatch(/broke off/);
    else expect(streamed.status).toBe(503);
  });

  it("of one choice too many, or of an unknown finish reason, is an error", async () => {
    const stray = await ask(async function* () {
      yield item({ token_ids: [70], index: 3, finish_reason: "stop" });
    });
    expect(stray.status).toBe(500);
    const unknown = await ask(async function* () {
      yield item({ token_ids: [70], finish_reason: "bored" });
    });
    expect(unknown.status).toBe(500);
  });

  it("of one prompt ends the others", async () => {
    let running = 0;
    const answer = await ask(
      async function* (request, context) {
        if (request.token_ids.length > 4) throw new InvalidArgumentError("too long for me");
        running += 1;
        try {
          while (!context.isStopped) {
            yield item({ token_ids: [70] });
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        } finally {
          running -= 1;
        }
      },
      { prompt: ["a", "a very long prompt that has many tokens", "b"], max_tokens: 4000 },
    );
    expect(answer.status).toBe(400);
    await until(() => running === 0, "nothing runs");
  });
});

describe("a stop string", () => {
  it("ends one choice and leaves the others; the last one ends the request", async () => {
    let pulled = 0;
    let wasKilled = false;
    const { tokenizer } = await tokens();
    const [stop, other] = [tokenizer.encode("STOP")[0]!, tokenizer.encode("go")[0]!];
    const stopText = tokenizer.decode([stop]);
    const answer = await ask(
      async function* (_, context) {
        try {
          yield item({ token_ids: [other], index: 0 });
          yield item({ token_ids: [other], index: 1 });
          yield item({ token_ids: [stop], index: 0 });
          for (let i = 0; i < 3; i++) {
            pulled += 1;
            yield item({ token_ids: [other], index: 0 });
            yield item({ token_ids: [other], index: 1 });
          }
          yield item({ token_ids: [stop], index: 1 });
          for (;;) yield item({ token_ids: [other], index: 1 });
        } finally {
          wasKilled = context.isKilled;
        }
      },
      { n: 2, stop: [stopText], max_tokens: 100 },
    );
    const { choices, usage } = JSON.parse(answer.text);
    const piece = tokenizer.decode([other]);
    expect(choices.map((choice: { text: string }) => choice.text)).toEqual([
      piece,
      piece.repeat(4),
    ]);
    expect(usage.completion_tokens).toBe(2 + 5);
    expect(pulled).toBe(3);
    expect(wasKilled).toBe(true);
  });
});

async function tokens() {
  const { loadTokenizer } = await import("@dyn/tokenizer");
  const { modelPath } = await import("@dyn/tiny-models");
  return { tokenizer: await loadTokenizer(modelPath("dyn-tiny-chat")) };
}

describe("a line of the log about a request", () => {
  it("names its trace", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const span = "00f067aa0ba902b7";
    const fail: Script = async function* () {
      yield item({ token_ids: [70] });
      yield item({ token_ids: [71] });
      throw new Error("out of luck");
    };
    const before = deployment.log.length;
    const headers = { traceparent: `00-${trace}-${span}-01` };
    await ask(fail, { stream: true }, headers);
    await ask(fail, { stream: false }, headers);
    const lines = deployment.log.slice(before).filter((line) => /^A (stream|request)/.test(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^A stream failed/);
    expect(lines[1]).toMatch(/^A request failed/);
    for (const line of lines) {
      expect(line).toContain(`"trace_id":"${trace}","span_id":"${span}"`);
    }
  });
});

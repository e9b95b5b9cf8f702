// A client that leaves, or stops reading, must cost nothing from then on.
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";

let deployment: Deployment;
beforeAll(async () => {
  deployment = await startDeployment({
    // Long prompts take several steps, so that the engine's figures show them before their first token.
    engine: { decodeMsPerStep: 5, prefillUsPerToken: 2_000, chunkedPrefillSize: 256 },
    limits: { stalledReaderTimeoutMs: 300 },
  });
});
afterAll(() => deployment.close());

const messages = [{ role: "user" as const, content: "Tell a story." }];
const long = { model, messages, max_tokens: 3000, seed: 1, ignore_eos: true };

async function metricsPage(): Promise<string> {
  return await (await fetch(`${deployment.url}/metrics`)).text();
}

describe("a client that leaves", () => {
  it("in the middle of a stream frees the engine", async () => {
    const stream = await deployment.client.chat.completions.create({ ...long, stream: true });
    let count = 0;
    for await (const _ of stream) {
      count += 1;
      if (count === 5) stream.controller.abort();
    }
    await until(() => isIdle(deployment.engine), "an idle engine");
    expect(deployment.engine.metrics().generatedTokens).toBeLessThan(3000);
    expect(deployment.engine.metrics().abortedRequests).toBeGreaterThan(0);
    await until(
      async () => /inflight_requests\{model="tiny\/chat"\} 0\b/.test(await metricsPage()),
      "none in flight",
    );
  });

  it("while it waits for a whole answer frees the engine", async () => {
    const abort = new AbortController();
    const asked = deployment.client.chat.completions.create(long, { signal: abort.signal });
    await until(() => deployment.engine.metrics().runningRequests === 1, "a running request");
    abort.abort();
    await expect(asked).rejects.toThrow();
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("before the first token frees the engine", async () => {
    const content = "word ".repeat(2000);
    const abort = new AbortController();
    const asked = deployment.client.chat.completions.create(
      { ...long, max_tokens: 1000, messages: [{ role: "user", content }], stream: true },
      { signal: abort.signal },
    );
    const { runningRequests, waitingRequests } = deployment.engine.metrics();
    expect(runningRequests + waitingRequests).toBe(0);
    await until(() => {
      const now = deployment.engine.metrics();
      return now.runningRequests + now.waitingRequests > 0;
    }, "an accepted request");
    abort.abort();
    await expect(asked).rejects.toThrow();
    await until(() => isIdle(deployment.engine), "an idle engine");
  });

  it("with many choices and many prompts frees them all", async () => {
    const stream = await deployment.client.completions.create({
      model,
      prompt: ["one", "two", "three"],
      n: 2,
      max_tokens: 2000,
      stream: true,
      ...{ ignore_eos: true },
    });
    for await (const _ of stream) break;
    await until(() => isIdle(deployment.engine), "an idle engine");
  });
});

describe("a client that stops reading", () => {
  it("is cut off after a while, and its request ends", async () => {
    const body = JSON.stringify({
      ...long,
      n: 16,
      max_tokens: 3000,
      logprobs: true,
      top_logprobs: 20,
      stream: true,
    });
    const socket = connect({ port: deployment.port, host: "127.0.0.1" });
    // An abrupt end is what this test waits for.
    socket.on("error", () => socket.destroy());
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    await until(() => deployment.engine.metrics().runningRequests > 0, "a running request");
    await until(() => isIdle(deployment.engine), "an idle engine");
    socket.destroy();
    expect(deployment.engine.metrics().abortedRequests).toBeGreaterThan(0);
  });
});

// The door itself: health, drain, ids, connections.
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Deployment, isIdle, model, startDeployment, until } from "./support/deployment.ts";
import { sendRaw } from "./support/raw-http.ts";

let deployment: Deployment;
beforeEach(async () => {
  deployment = await startDeployment({ engine: { decodeMsPerStep: 2 } });
});
afterEach(() => deployment.close());

const messages = [{ role: "user" as const, content: "hello" }];
const get = async (path: string) => {
  const answer = await fetch(deployment.url + path);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

describe("health", () => {
  it("lists the endpoints and instances that are there", async () => {
    const { status, body } = await get("/health");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: "healthy",
      endpoints: ["dyn://dynamo.backend.generate"],
      instances: [{ namespace: "dynamo", component: "backend", endpoint: "generate" }],
    });
    await deployment.removeWorker();
    expect((await get("/health")).body).toMatchObject({ endpoints: [], instances: [] });
    expect(await get("/live")).toMatchObject({ status: 200, body: { status: "live" } });
  });

  it("answers HEAD without a body", async () => {
    const answer = await fetch(`${deployment.url}/health`, { method: "HEAD" });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe("");
  });
});

describe("drain", () => {
  it("lets running streams finish, refuses new requests, and says so", async () => {
    const stream = await deployment.client.chat.completions.create({
      model,
      messages,
      max_tokens: 150,
      stream: true,
      ...{ ignore_eos: true },
    });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    const drained = deployment.gateway.drain({ timeoutMs: 20_000 });
    expect(await get("/health")).toMatchObject({
      status: 503,
      body: { status: "not_ready", stage: "draining" },
    });
    const refused = deployment.client.chat.completions.create({ model, messages });
    await expect(refused).rejects.toMatchObject({ status: 503, message: /not ready/ });
    let finish: string | null = null;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      finish = next.value.choices[0]?.finish_reason ?? finish;
    }
    expect(finish).toBe("length");
    expect(await drained).toEqual({ complete: true });
  });

  it("gives up when the time is over; close ends what runs", async () => {
    const stream = await deployment.client.chat.completions.create({
      model,
      messages,
      max_tokens: 3000,
      stream: true,
      ...{ ignore_eos: true },
    });
    expect(await deployment.gateway.drain({ timeoutMs: 30 })).toEqual({ complete: false });
    await deployment.gateway.close();
    const read = async () => {
      for await (const _ of stream);
    };
    await expect(read()).rejects.toThrow();
    await until(() => isIdle(deployment.engine), "an idle engine");
  });
});

describe("ids", () => {
  it("a client's request id comes back, and one is drawn when it sends none", async () => {
    const url = `${deployment.url}/live`;
    const sent = await fetch(url, { headers: { "x-request-id": "abc-1" } });
    expect(sent.headers.get("x-request-id")).toBe("abc-1");
    expect((await fetch(url)).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("the answer's id can be chosen by x-dynamo-request-id", async () => {
    const id = "0d5c1f2e-8a54-4f6d-9d3c-2f1f6f9d8a11";
    const completion = await deployment.client.chat.completions.create(
      { model, messages, max_tokens: 1 },
      { headers: { "x-dynamo-request-id": id } },
    );
    expect(completion.id).toBe(`chatcmpl-${id}`);
  });
});

describe("connections", () => {
  it("are kept for the next request, and closed when the client says so", async () => {
    const agent = new Agent({ connections: 1, pipelining: 1 });
    for (let i = 0; i < 3; i++) {
      const answer = await request(`${deployment.url}/live`, { dispatcher: agent });
      expect(answer.headers.connection).toBe("keep-alive");
      await answer.body.text();
    }
    await agent.close();
    const bytes = "GET /live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    const closed = await sendRaw(deployment.port, [{ bytes }]);
    expect(closed.headers).toMatch(/connection: close/i);
  });

  it("take two requests sent at once, in order", async () => {
    const one = "GET /live HTTP/1.1\r\nhost: a\r\n\r\n";
    expect((await sendRaw(deployment.port, [{ bytes: one + one }])).status).toBe(200);
  });

  it("of HTTP/1.0 get a stream without chunks", async () => {
    const body = JSON.stringify({ model, messages, max_tokens: 3, stream: true });
    const bytes = `POST /v1/chat/completions HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const answer = await sendRaw(deployment.port, [{ bytes }]);
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toMatch(/transfer-encoding/i);
  });
});

import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { OpenAIErrorBody } from "@dyn/protocol";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BadInput, badInputs } from "./bad-input.cases.ts";
import { type Deployment, isIdle, model, startDeployment } from "./support/deployment.ts";
import { sendRaw } from "./support/raw-http.ts";

let deployment: Deployment;
/** Waits so shortly that only those who are to be late may come to it. */
let hasty: Deployment;
beforeAll(async () => {
  const bodySizeBytes = 256 * 1024;
  deployment = await startDeployment({ limits: { bodySizeBytes } });
  hasty = await startDeployment({
    limits: { bodySizeBytes, headersTimeoutMs: 300, bodyTimeoutMs: 600 },
  });
});
afterAll(() => Promise.all([deployment.close(), hasty.close()]));

const good = { model, messages: [{ role: "user", content: "hello" }], max_tokens: 2 };

async function send(
  { path = "/v1/chat/completions", method = "POST", headers, body }: BadInput,
  { url } = deployment,
) {
  const isRaw = typeof body === "string" || Buffer.isBuffer(body);
  const sent = { "content-type": "application/json", ...headers };
  const answer = await request(url + path, {
    method,
    headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== "")),
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}

async function expectStillServing(server = deployment): Promise<void> {
  const ask = async () =>
    (await send({ name: "good", body: good, status: 200, says: /./ }, server)).status;
  // On a slow machine a sound request may be late for the hasty one.
  if (server === hasty) await expect.poll(ask).toBe(200);
  else expect(await ask()).toBe(200);
}

describe("a bad request", () => {
  it.each(badInputs)("$name gives $status", async (input) => {
    const answer = await send(input);
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: input.status });
    expect(answer.headers["content-type"]).toBe("application/json");
    const { error, ...flat } = OpenAIErrorBody.parse(JSON.parse(answer.body));
    expect(error.message).toMatch(input.says);
    if (input.param !== undefined) expect(error.param).toBe(input.param);
    expect(flat.message).toBe(error.message);
    expect(flat.code).toBe(input.status);
    await expectStillServing();
  });

  it("that asks for a stream gets its status too", async () => {
    const body = { ...good, model: "none", stream: true };
    const answer = await send({ name: "", body, status: 404, says: /./ });
    expect(answer.status).toBe(404);
  });

  it("names the methods that a path takes", async () => {
    const answer = await send({
      name: "",
      method: "DELETE",
      path: "/v1/models",
      status: 405,
      says: /./,
    });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  });
});

describe("raw bytes", () => {
  const post =
    "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";

  async function expectRefused(
    parts: Parameters<typeof sendRaw>[1],
    status: number,
    says: RegExp,
    server = deployment,
  ): Promise<void> {
    const answer = await sendRaw(server.port, parts);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body).error.message).toMatch(says);
    await expectStillServing(server);
  }

  it("that are no HTTP get 400", () =>
    expectRefused([{ bytes: "\x16\x03\x01hello\r\n\r\n" }], 400, /not valid HTTP/));

  it("headers without end get 431 on a connection that has had an answer, too", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (headers: Record<string, string>) =>
      new Promise<{ status: number; isReused: boolean; body: string }>((resolve, reject) => {
        const asked = httpRequest(`${deployment.url}/live`, { agent, headers }, (answer) => {
          let body = "";
          answer.on("data", (part: Buffer) => {
            body += part.toString();
          });
          answer.on("end", () =>
            resolve({ status: answer.statusCode!, isReused: asked.reusedSocket, body }),
          );
        });
        asked.on("error", reject);
        asked.end();
      });
    expect(await ask({})).toMatchObject({ status: 200 });
    const refused = await ask({ x: "y".repeat(40_000) });
    expect(refused).toMatchObject({ status: 431, isReused: true });
    expect(JSON.parse(refused.body).error.message).toMatch(/too large/);
    agent.destroy();
    await expectStillServing();
  });

  it("headers without end get 431", () =>
    expectRefused([{ bytes: `${post}x: ${"y".repeat(40_000)}\r\n\r\n` }], 431, /too large/));

  it("headers that trickle in get 408", () =>
    expectRefused(
      [{ bytes: post }, ...Array.from({ length: 20 }, () => ({ bytes: "x: y\r\n", afterMs: 100 }))],
      408,
      /did not arrive in time/,
      hasty,
    ));

  it("a body that trickles in gets 408", () =>
    expectRefused(
      [
        { bytes: `${post}content-length: 1000\r\n\r\n` },
        ...Array.from({ length: 30 }, () => ({ bytes: "{", afterMs: 100 })),
      ],
      408,
      /did not arrive in time/,
      hasty,
    ));

  it("a body that says it is too large gets 413 unread", () =>
    expectRefused([{ bytes: `${post}content-length: 99999999999\r\n\r\n{` }], 413, /larger than/));

  it("a body that says so and waits for leave to send gets 413", () =>
    expectRefused(
      [{ bytes: `${post}expect: 100-continue\r\ncontent-length: 99999999\r\n\r\n` }],
      413,
      /larger than/,
    ));

  it("a chunked body that grows too large gets 413", () => {
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    return expectRefused(
      [
        { bytes: `${post}transfer-encoding: chunked\r\n\r\n` },
        ...Array.from({ length: 6 }, () => ({ bytes: chunk, afterMs: 5 })),
      ],
      413,
      /larger than/,
    );
  });

  it("a length and chunks at once get 400", () =>
    expectRefused(
      [{ bytes: `${post}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n` }],
      400,
      /not valid HTTP/,
    ));

  it("a client that leaves in the middle of its body leaves nothing behind", async () => {
    const socket = connect(deployment.port, "127.0.0.1");
    const bytes = `${post}content-length: 1000\r\n\r\n{`;
    await new Promise<unknown>((resolve) => socket.write(bytes, resolve));
    socket.destroy();
    await expectStillServing();
    expect(isIdle(deployment.engine)).toBe(true);
  });
});

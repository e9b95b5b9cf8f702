// Who is let in, and how much they may take.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiKeyEntry, hashApiKey, readApiKeys } from "@dyn/gateway";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { TokenBucket } from "../src/door/token-bucket.ts";
import { type Deployment, model, startDeployment } from "./support/deployment.ts";

let deployment: Deployment;
afterEach(() => deployment?.close());

const secret = "sk-a-long-secret-of-the-first-tenant";
const key = (fields: Partial<ApiKeyEntry> = {}): ApiKeyEntry => ({
  name: "first",
  hash: hashApiKey(secret),
  ...fields,
});

function ask(body: object = {}, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${deployment.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "hello" }],
      max_tokens: 4,
      ignore_eos: true,
      ...body,
    }),
  });
}

const bearer = { authorization: `Bearer ${secret}` };
const message = async (answer: Response) =>
  ((await answer.json()) as { error: { message: string } }).error.message;

describe("keys", () => {
  it("are needed where they are set, in OpenAI's header or Anthropic's", async () => {
    deployment = await startDeployment({ gateway: { keys: [key()] } });
    const without = await ask();
    expect(without.status).toBe(401);
    expect(without.headers.get("www-authenticate")).toBe("Bearer");
    expect(await message(without)).toMatch(/needs an API key/);
    expect((await ask({}, { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await ask({}, { authorization: `Basic ${secret}` })).status).toBe(401);
    expect((await ask({}, bearer)).status).toBe(200);
    expect((await ask({}, { "x-api-key": secret })).status).toBe(200);
    expect((await fetch(`${deployment.url}/v1/models`)).status).toBe(401);
  });

  it("are not asked of probes and scrapes", async () => {
    deployment = await startDeployment({ gateway: { keys: [key()] } });
    for (const path of ["/health", "/live", "/metrics"]) {
      expect((await fetch(deployment.url + path)).status).toBe(200);
    }
  });

  it("may be changed while the server runs", async () => {
    deployment = await startDeployment({ gateway: { keys: [key()] } });
    deployment.gateway.setKeys([{ name: "second", hash: hashApiKey("sk-the-other") }]);
    expect((await ask({}, bearer)).status).toBe(401);
    expect((await ask({}, { authorization: "Bearer sk-the-other" })).status).toBe(200);
  });

  it("bound requests per minute, and say when to come again", async () => {
    deployment = await startDeployment({ gateway: { keys: [key({ requests_per_minute: 2 })] } });
    expect((await ask({}, bearer)).status).toBe(200);
    expect((await ask({}, bearer)).status).toBe(200);
    const third = await ask({}, bearer);
    expect(third.status).toBe(429);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(10);
    expect(await message(third)).toMatch(/first has used up its requests per minute/);
    // An account outlives a change of other keys.
    deployment.gateway.setKeys([key({ requests_per_minute: 2 })]);
    expect((await ask({}, bearer)).status).toBe(429);
  });

  it("bound tokens per minute by what was used", async () => {
    deployment = await startDeployment({ gateway: { keys: [key({ tokens_per_minute: 10 })] } });
    expect((await ask({ max_tokens: 50 }, bearer)).status).toBe(200);
    const second = await ask({}, bearer);
    expect(second.status).toBe(429);
    expect(await message(second)).toMatch(/tokens per minute/);
  });

  it("bound concurrent requests; one that ended makes room", async () => {
    deployment = await startDeployment({
      gateway: { keys: [key({ concurrent_requests: 1 })] },
      engine: { decodeMsPerStep: 20 },
    });
    const first = await ask({ stream: true, max_tokens: 500 }, bearer);
    const second = await ask({}, bearer);
    expect(second.status).toBe(429);
    expect(await message(second)).toMatch(/has 1 requests running/);
    await first.body!.cancel();
    await expect.poll(async () => (await ask({}, bearer)).status).toBe(200);
  });

  it("read from a file tell of its faults by entry and field", () => {
    const entry = { name: "a", hash: hashApiKey("a") };
    expect(readApiKeys({ keys: [entry] }, "keys.yaml")).toEqual([entry]);
    const fault = (keys: unknown) => () => readApiKeys({ keys }, "keys.yaml");
    expect(fault([{ ...entry, hash: "secret" }])).toThrow(/keys\.0\.hash must be sha256:/);
    expect(fault([{ ...entry, name: "" }])).toThrow(/keys\.0\.name must be 1 to 64/);
    expect(fault([{ ...entry, tokens_per_minute: 0 }])).toThrow(/tokens_per_minute must be/);
    expect(fault([{ ...entry, colour: 1 }])).toThrow(/colour/);
    expect(fault([entry, { ...entry, name: "b" }])).toThrow(/the hash of the key a twice|twice/);
    expect(fault([])).toThrow(/keys/);
    expect(() => readApiKeys("text", "keys.yaml")).toThrow(/not a file of API keys/);
  });
});

describe("a token bucket", () => {
  it("never lets more through in a minute than it holds and gains", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }),
        (perMinute, pausesMs) => {
          const bucket = new TokenBucket(perMinute, 0);
          let nowMs = 0;
          let taken = 0;
          for (const pauseMs of pausesMs) {
            nowMs += pauseMs;
            if (bucket.waitMs(nowMs) > 0) continue;
            bucket.take(1, nowMs);
            taken += 1;
          }
          expect(taken).toBeLessThanOrEqual(perMinute + (nowMs / 60_000) * perMinute + 1e-6);
        },
      ),
    );
  });

  it("says how long a debt takes", () => {
    const bucket = new TokenBucket(60, 0);
    bucket.take(120, 0);
    expect(bucket.waitMs(0)).toBeCloseTo(61_000);
    expect(bucket.waitMs(61_000)).toBe(0);
  });
});

it("more requests than the server takes at one time are refused as overload", async () => {
  deployment = await startDeployment({
    limits: { concurrentRequests: 1 },
    engine: { decodeMsPerStep: 20 },
  });
  const first = await ask({ stream: true, max_tokens: 500 });
  const second = await ask();
  expect(second.status).toBe(529);
  expect(second.headers.get("retry-after")).toBe("1");
  await first.body!.cancel();
});

describe("a request that takes longer than it may", () => {
  it("is answered with 504 when nothing was sent, and frees the engine", async () => {
    deployment = await startDeployment({
      limits: { requestTimeoutMs: 150 },
      engine: { decodeMsPerStep: 50 },
    });
    const answer = await ask({ max_tokens: 2000 });
    expect(answer.status).toBe(504);
    expect(await message(answer)).toMatch(/longer than 0.15 s/);
    await expect.poll(() => deployment.engine.metrics().runningRequests).toBe(0);
  });

  it("ends a stream with an error event", async () => {
    deployment = await startDeployment({
      limits: { requestTimeoutMs: 150 },
      engine: { decodeMsPerStep: 20 },
    });
    const text = await (await ask({ max_tokens: 2000, stream: true })).text();
    expect(text.trim().split("\n\n").at(-2)).toMatch(/timeout_error/);
    expect(text.trim().endsWith("data: [DONE]")).toBe(true);
  });
});

describe("pages of other origins", () => {
  const preflight = (origin: string) =>
    fetch(`${deployment.url}/v1/chat/completions`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
      },
    });

  it("are not let in unless their origin is listed", async () => {
    deployment = await startDeployment();
    expect((await preflight("https://page.example")).status).toBe(405);
    const answer = await ask({}, { origin: "https://page.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("are let in when it is", async () => {
    deployment = await startDeployment({ gateway: { corsOrigins: ["https://page.example"] } });
    const allowed = await preflight("https://page.example");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-headers")).toContain("authorization");
    const other = await preflight("https://elsewhere.example");
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    const answer = await ask({}, { origin: "https://page.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://page.example");
  });
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) console.warn("NOT RUN: HTTPS at the door, for openssl is not on this machine.");

describe.skipIf(!hasOpenssl)("HTTPS", () => {
  const folder = mkdtempSync(join(tmpdir(), "dyn-door-"));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is served by certificate, and to clients with one alone when an authority is named", async () => {
    const openssl = (...args: string[]) =>
      execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
    const subject = ["-newkey", "rsa:2048", "-nodes", "-days", "2"];
    openssl("req", "-x509", ...subject, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem");
    for (const [name, extension] of [
      ["server", "subjectAltName=IP:127.0.0.1"],
      ["client", "subjectAltName=DNS:client"],
    ] as const) {
      openssl(
        "req",
        "-x509",
        ...subject,
        "-subj",
        `/CN=${name}`,
        "-addext",
        extension,
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.pem`,
      );
    }
    const pem = (name: string) => readFileSync(join(folder, name), "utf8");
    const tls = { cert: pem("server.pem"), key: pem("server.key"), ca: pem("ca.pem") };
    deployment = await startDeployment({ gateway: { tls } });
    expect(deployment.url).toMatch(/^https:/);
    const get = (client: object) =>
      new Promise<number>((resolve, reject) => {
        httpsRequest(
          `${deployment.url}/v1/models`,
          { ca: pem("ca.pem"), agent: false, ...client },
          (answer) => {
            answer.resume();
            resolve(answer.statusCode!);
          },
        )
          .on("error", reject)
          .end();
      });
    expect(await get({ cert: pem("client.pem"), key: pem("client.key") })).toBe(200);
    await expect(get({})).rejects.toThrow();
  });
});

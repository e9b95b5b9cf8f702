// Who may tell an engine something, and what of it is taken.
import { request } from "node:http";
import { createSystemServer, EngineRoutes, type SystemServer } from "@dyn/health";
import { afterEach, expect, test } from "vitest";

const open: SystemServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function start() {
  const engineRoutes = new EngineRoutes({ access: "local" });
  const told: unknown[] = [];
  engineRoutes.add("pause", (body) => void told.push(body));
  const server = await createSystemServer({
    host: "127.0.0.1",
    port: 0,
    health: () => ({ status: "ready", uptime: { secs: 0, nanos: 0 }, endpoints: {} }),
    metrics: async () => ({ contentType: "text/plain", body: "" }),
    engineRoutes,
  });
  open.push(server);
  const ask = (method: string, headers: Readonly<Record<string, string | number>>, body = "") =>
    new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
      const sent = request(
        { port: server.port, host: "127.0.0.1", path: "/engine/pause", method, headers },
        (answer) => {
          let text = "";
          answer.on("data", (chunk) => {
            text += chunk;
          });
          answer.on("end", () => {
            resolve({ status: answer.statusCode!, body: JSON.parse(text) });
            sent.destroy();
          });
        },
      );
      sent.on("error", reject);
      sent.write(body);
      // What announces more than it sends is answered all the same.
      if (!("content-length" in headers)) sent.end();
    });
  return { ask, told };
}

test("programs of this machine are answered, with any method", async () => {
  const { ask, told } = await start();
  expect(await ask("POST", {}, '{"mode":"abort"}')).toEqual({
    status: 200,
    body: { status: "ok" },
  });
  expect((await ask("PUT", {})).status).toBe(200);
  expect(told).toEqual([{ mode: "abort" }, {}]);
});

test.each([
  ["a page that posts", "POST", { origin: "http://evil.example" }],
  ["an image of a page, which has no origin", "GET", { "sec-fetch-site": "cross-site" }],
  ["an address typed into a browser", "GET", { "sec-fetch-site": "none" }],
  ["a proxy", "POST", { "x-forwarded-for": "192.0.2.1" }],
  ["a proxy that follows RFC 7239", "POST", { forwarded: "for=192.0.2.1" }],
])("%s is not", async (_, method, headers) => {
  const { ask, told } = await start();
  expect(await ask(method, headers as Readonly<Record<string, string>>)).toMatchObject({
    status: 403,
    body: { error: "Forbidden", message: expect.stringContaining("--engine-routes all") },
  });
  expect(told).toEqual([]);
});

test("a body that is too long is refused before it has come, with another way", async () => {
  const { ask, told } = await start();
  expect(await ask("POST", { "content-length": 2 ** 30 }, "{")).toMatchObject({
    status: 413,
    body: {
      error: "Body too large",
      message: expect.stringContaining("update_weights_from_disk"),
    },
  });
  expect(told).toEqual([]);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cardFilePath, createSystemServer, HealthState, type SystemServer } from "@dyn/health";
import { afterAll, afterEach, expect, test } from "vitest";

const open: SystemServer[] = [];
const folder = mkdtempSync(join(tmpdir(), "dyn-health-"));
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(options: Partial<Parameters<typeof createSystemServer>[0]> = {}) {
  const health = new HealthState({ now: () => 12_345.678 });
  const problems: string[] = [];
  const server = await createSystemServer({
    host: "127.0.0.1",
    port: 0,
    health: () => health.report(),
    metrics: async () => ({ contentType: "text/plain; version=0.0.4", body: "a_total 1\n" }),
    onProblem: (message) => void problems.push(message),
    ...options,
  });
  open.push(server);
  const ask = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return {
      status: answer.status,
      type: answer.headers.get("content-type"),
      text: await answer.text(),
    };
  };
  return { health, server, ask, problems };
}

test("health follows what the process is told, in the words of Dynamo 1.6.1", async () => {
  const { health, ask } = await start();
  expect((await ask("/health")).status).toBe(503);
  health.setEndpoint("generate", "ready");
  health.setEndpoint("clear_kv_blocks", "notready");
  expect((await ask("/live")).status).toBe(503);
  health.setEndpoint("clear_kv_blocks", "ready");
  const { status, text } = await ask("/health?verbose=1");
  expect(status).toBe(200);
  expect(text).toBe(
    '{"status":"ready","uptime":{"secs":0,"nanos":0},"endpoints":{"generate":"ready","clear_kv_blocks":"ready"}}',
  );
});

test("paths can be moved, the old ones are then unknown", async () => {
  const { ask } = await start({ healthPath: "/h", livePath: "/l" });
  expect((await ask("/h")).status).toBe(503);
  expect((await ask("/l")).status).toBe(503);
  expect(await ask("/health")).toMatchObject({ status: 404, text: "Route not found" });
});

test("metrics, metadata, other methods", async () => {
  const { ask } = await start();
  expect(await ask("/metrics")).toEqual({
    status: 200,
    type: "text/plain; version=0.0.4",
    text: "a_total 1\n",
  });
  expect((await ask("/metadata")).status).toBe(404);
  expect((await ask("/health", { method: "POST" })).status).toBe(405);
  expect((await ask("/metrics", { method: "HEAD" })).text).toBe("");
  const { ask: other } = await start({ metadata: () => '{"a":1}' });
  expect(await other("/metadata")).toEqual({
    status: 200,
    type: "application/json",
    text: '{"a":1}',
  });
});

test("files of a card are served byte by byte, and nothing else", async () => {
  const { server, ask, problems } = await start();
  const path = join(folder, "tokenizer.json");
  const empty = join(folder, "empty.json");
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
  writeFileSync(path, bytes);
  writeFileSync(empty, "");
  writeFileSync(join(folder, "secret"), "s");
  const group = { namespace: "dynamo", component: "backend", endpoint: "generate", slug: "tiny" };
  server.addCardFiles({
    ...group,
    files: { "tokenizer.json": path, "empty.json": empty, "gone.json": join(folder, "gone") },
  });
  const url = cardFilePath(group, "tokenizer.json");
  expect(url).toBe("/v1/metadata/dynamo/backend/generate/tiny/_base/tokenizer.json");
  const answer = await fetch(`http://127.0.0.1:${server.port}${url}`);
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
  expect(await ask(cardFilePath(group, "empty.json"))).toMatchObject({ status: 200, text: "" });
  for (const name of ["secret", "../secret", "..%2Fsecret"]) {
    expect((await ask(`${url.replace("tokenizer.json", "")}${name}`)).status).toBe(404);
  }
  expect((await ask(cardFilePath(group, "gone.json"))).status).toBe(500);
  expect(problems).toHaveLength(1);
});

test("a check that throws is a 500 and leaves the server standing", async () => {
  const { ask, problems } = await start({
    metrics: async () => {
      throw new Error("no page");
    },
  });
  expect((await ask("/metrics")).status).toBe(500);
  expect(problems).toEqual(["GET /metrics failed."]);
  expect((await ask("/health")).status).toBe(503);
});

test("a port that is taken is named with its remedy", async () => {
  const { server } = await start();
  await expect(start({ port: server.port })).rejects.toThrow("DYN_SYSTEM_PORT");
});

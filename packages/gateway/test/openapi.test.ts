// The document tells of what is there: tools of other makers read it.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import openapiTypescript, { astToString, type OpenAPI3 } from "openapi-typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Deployment, startDeployment } from "./support/deployment.ts";

let deployment: Deployment;
let document: { readonly paths: Record<string, Record<string, unknown>> };
beforeAll(async () => {
  deployment = await startDeployment({
    settings: { anthropicApi: true, sglangGenerate: true, vllmGenerate: true },
    card: { runtimeConfig: { runtimeData: { sglang_generate: true } } },
  });
  document = (await (await fetch(`${deployment.url}/openapi.json`)).json()) as typeof document;
});
afterAll(() => deployment.close());

it("is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

it("tells of every route but the page of documents, and of no other", async () => {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of Object.keys(item)) {
      const answer = await fetch(deployment.url + path.replace("{id}", "tiny/chat"), {
        method: method.toUpperCase(),
      });
      const text = await answer.text();
      // Routes of models that are not served say so.
      if (answer.status === 404) expect(text, `${method} ${path}`).toContain("is off: no model of");
      else expect([200, 400, 415], `${method} ${path}`).toContain(answer.status);
    }
  }
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining([
      "/v1/chat/completions",
      "/v1/messages",
      "/tokenize",
      "/health",
      "/v1/videos",
    ]),
  );
});

it("the page of documents needs nothing from elsewhere", async () => {
  const redirect = await fetch(`${deployment.url}/docs`, { redirect: "manual" });
  expect([redirect.status, redirect.headers.get("location")]).toEqual([303, "/docs/"]);
  const page = await (await fetch(`${deployment.url}/docs/`)).text();
  expect(page).toContain("/openapi.json");
  expect(page).not.toMatch(/https?:\/\//);
});

const program = `
import createClient from "openapi-fetch";
import type { paths } from "./api.ts";

const client = createClient<paths>({ baseUrl: process.argv[2]! });
const { data, error } = await client.POST("/v1/chat/completions", {
  body: {
    model: "tiny/chat",
    messages: [{ role: "user", content: "hello" }],
    max_tokens: 4,
    ignore_eos: true,
    nvext: { agent_hints: { priority: 1 } },
  },
});
if (error) throw new Error(JSON.stringify(error));
const reason: "stop" | "length" | "content_filter" | "tool_calls" = (data as Whole).choices[0]!.finish_reason;
type Whole = Extract<typeof data, { object: "chat.completion" }>;
console.log(reason);
const image = await client.POST("/v1/images/generations", { body: { model: "m", prompt: "a", size: "auto" } });
if (image.response.status !== 404) throw new Error("There is no model of images.");
const native = await client.POST("/generate", { body: { input_ids: [72], stream: true }, parseAs: "text" });
if (native.response.status !== 200) throw new Error(JSON.stringify(native.error));
// @ts-expect-error a temperature is a number
await client.POST("/v1/chat/completions", { body: { model: "m", messages: [], temperature: "hot" } }).catch(() => {});
`;

it("a client generated from it compiles, and works", async () => {
  const here = dirname(fileURLToPath(import.meta.url));
  await mkdir(join(here, ".generated"), { recursive: true });
  const folder = await mkdtemp(join(here, ".generated", "client-"));
  try {
    const ast = await openapiTypescript(document as unknown as OpenAPI3);
    await writeFile(join(folder, "api.ts"), astToString(ast));
    await writeFile(join(folder, "main.ts"), program);
    const options = {
      compilerOptions: {
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        module: "nodenext",
        target: "es2022",
        allowImportingTsExtensions: true,
        types: ["node"],
      },
      files: ["main.ts"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(options));
    await writeFile(join(folder, "package.json"), '{"type":"module"}');
    const require = createRequire(import.meta.url);
    const run = promisify(execFile);
    const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
    await run(process.execPath, [tsc, "-p", folder]).catch((failure: { stdout: string }) => {
      throw new Error(failure.stdout);
    });
    const tsx = fileURLToPath(import.meta.resolve("tsx"));
    const { stdout } = await run(process.execPath, [
      "--import",
      tsx,
      join(folder, "main.ts"),
      deployment.url,
    ]);
    expect(stdout.trim()).toBe("length");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

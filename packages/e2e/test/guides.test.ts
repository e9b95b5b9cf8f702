// The programs in the guides run as they stand there.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Deployment, untilListed } from "../src/deployment.ts";
import { startProcess } from "../src/start-program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

// Beside this package's own sources, so that its dependencies are found.
let folder: string;
let deployment: Deployment;
const started: { stop(signal: NodeJS.Signals): Promise<unknown> }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(root, "packages/e2e/.guide-"));
  deployment = new Deployment();
});
afterEach(async () => {
  for (const program of started.splice(0)) await program.stop("SIGKILL");
  await deployment.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The program is up, or over, once it has printed this. `place`: which one of the guide. */
async function run(guide: string, place: number, ready: RegExp) {
  const text = readFileSync(join(root, "docs/guides", guide), "utf8");
  const program = [...text.matchAll(/```ts\n([\s\S]*?)```/g)][place]?.[1];
  if (program === undefined) throw new Error(`${guide} holds no program ${place}.`);
  const file = join(folder, `program-${place}.mts`);
  writeFileSync(file, program);
  const running = await startProcess({
    command: process.execPath,
    args: ["--conditions=@dyn/source", "--import", "tsx", file],
    env: { DYN_FILE_KV: deployment.folder },
    ready,
  });
  started.push(running);
  return running;
}

test("an engine without HTTP answers", async () => {
  await run("use-one-package.md", 0, /(42)/);
});

test("workers of one's own, with an engine and without, are found by a frontend and answer chats", async () => {
  const workers = [
    await run("custom-worker.md", 0, /ready: (counter)/),
    await run("custom-worker.md", 1, /ready: (parrot)/),
  ];
  const { ready: url } = await deployment.startFrontend();
  await untilListed(url, "counter", "parrot");
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const ask = (model: string, content: string) =>
    client.chat.completions.create({ model, messages: [{ role: "user", content }] });

  const counted = await Promise.all(["Hello", "Hello there, you"].map((it) => ask("counter", it)));
  for (const { choices, usage } of counted) {
    expect(choices[0]?.message.content).toBe(`Your prompt has ${usage?.prompt_tokens} tokens.`);
    expect(choices[0]?.finish_reason).toBe("stop");
  }
  const said = await ask("parrot", "Polly wants a cracker");
  expect(said.choices[0]?.message.content).toBe("Polly wants a cracker");
  const stream = await client.chat.completions.create({
    model: "parrot",
    messages: [{ role: "user", content: "one two three" }],
    stream: true,
  });
  const pieces: string[] = [];
  for await (const { choices } of stream) {
    const content = choices[0]?.delta.content;
    if (content) pieces.push(content);
  }
  expect(pieces).toEqual(["one ", "two ", "three"]);
  for (const worker of workers) expect(await worker.stop("SIGTERM")).toBe(0);
});

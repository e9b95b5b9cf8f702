// The programs at their edges: help, mistakes, signals.
import { spawnSync } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { begin } from "../src/deployment.ts";
import { startLaunch } from "../src/start-program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function run(app: string, ...args: string[]) {
  const command = [
    "--conditions=@dyn/source",
    "--import",
    "tsx",
    `apps/${app}/src/main.ts`,
    ...args,
  ];
  return spawnSync(process.execPath, command, { cwd: root, encoding: "utf8" });
}

test.each([
  ["launch", [], "dyn launch <pattern>"],
  ["launch", ["launch", "--help"], "Starts a deployment pattern"],
  ["worker", ["--help"], "--model-path"],
  ["frontend", ["--help"], "--http-port"],
] as const)("%s %j prints help and exits with 0", (app, args, text) => {
  const { status, stdout, stderr } = run(app, ...args);
  expect(stderr).toBe("");
  expect(stdout).toContain(text);
  expect(status).toBe(0);
});

test.each([
  ["launch", ["lunch"], 'dyn has no command "lunch"'],
  ["launch", ["launch", "aggg"], 'no deployment pattern "aggg"'],
  ["launch", ["launch", "agg", "--modle-path", "x"], "--model-path"],
  ["worker", ["--model-path", "x", "--page-sise", "4"], "--page-size"],
  ["frontend", ["--http-port", "99999"], "99999"],
] as const)("%s %j says what is wrong and exits with 2", (app, args, text) => {
  const { status, stderr } = run(app, ...args);
  expect(stderr).toContain(text);
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(2);
});

test("a port that is another program's is named with the flag that changes it", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = other.address() as AddressInfo;
    const at = ["--http-host", "127.0.0.1", "--http-port", `${port}`, "--discovery-backend", "mem"];
    const { status, stderr } = run("frontend", ...at);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).toContain("--http-port");
    expect(stderr).not.toContain("    at ");
    expect(status).toBe(1);
  } finally {
    other.close();
  }
});

test.each([["--watchdog-timeout", "5"], ["--kserve-grpc-server"]])(
  "%s would change results and is not acted on, so it is refused with 2",
  (...flags) => {
    const { status, stderr } = run("launch", "launch", "agg", "--engine", "mock", ...flags);
    expect(stderr).toContain(`${flags[0]} is known, but dyn-`);
    expect(status).toBe(2);
  },
);

test("equal requests in equal order have equal answers under --random-seed, and no cached tokens without a radix cache", async () => {
  const answers = async () => {
    const program = await startLaunch([
      ...["agg", "--max-total-tokens", "4096", "--random-seed", "7", "--disable-radix-cache"],
    ]);
    const ask = async () => {
      const response = await fetch(`${program.ready}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          model: "dyn-tiny-chat",
          messages: [{ role: "user", content: "Tell me something about rivers." }],
          temperature: 2,
          max_tokens: 60,
          ignore_eos: true,
        }),
      });
      const { choices, usage } = (await response.json()) as {
        choices: { message: { content: string } }[];
        usage: { prompt_tokens_details: { cached_tokens: number } };
      };
      expect(usage.prompt_tokens_details.cached_tokens).toBe(0);
      return choices[0]?.message.content;
    };
    const both = [await ask(), await ask()];
    await program.stop();
    return both;
  };
  const first = await answers();
  expect(first[0]).not.toBe(first[1]);
  expect(await answers()).toEqual(first);
});

test.each([
  ["frontend", ["--dyn-chat-processor", "vllm"], "needs vLLM itself"],
  [
    "frontend",
    ["--dyn-chat-processor", "sglang", "--tool-call-parser", "qwen3_codr"],
    'Did you mean "qwen3_coder"',
  ],
  ["frontend", ["--dyn-chat-processor", "sglang", "--chat-template", "./none.jinja"], "none.jinja"],
  ["worker", ["--model-path", "x", "--reasoning-parser", "qwen33"], 'Did you mean "qwen3"'],
  [
    "worker",
    ["--model-path", "x", "--reasoning-parser", "qwen3"],
    "Say --dyn-reasoning-parser qwen3 for Dynamo's parser of that name",
  ],
  ["worker", ["--model-path", "x", "--tool-call-parser", "dots"], "--dyn-chat-processor sglang"],
] as const)("%s %j names a parser or processor that is not here", (app, args, text) => {
  const { status, stderr } = run(app, ...args, "--discovery-backend", "mem");
  expect(stderr).toContain(text);
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(2);
});

test.each([
  ["frontend", ["--router-policy-config", "./none.yaml"], "needs --router-mode kv"],
  ["frontend", ["--router-mode", "kv", "--router-policy-config", "./none.yaml"], "none.yaml"],
  ["frontend", ["--api-keys-file", "./none.yaml"], "none.yaml"],
  ["frontend", ["--tls-cert-path", "./none.pem", "--tls-key-path", "./none.pem"], "none.pem"],
  ["frontend", ["--request-template", "./none.json"], "none.json"],
  [
    "router",
    ["--endpoint", "a.b.c", "--router-block-size", "16", "--router-policy-config", "./none.yaml"],
    "none.yaml",
  ],
] as const)("%s %j is refused in a sentence, with 2", (app, args, text) => {
  const { status, stderr } = run(app, ...args, "--discovery-backend", "mem");
  expect(stderr).toContain(text);
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(2);
});

test("a model that is not there is one sentence, and the exit code says that it failed", () => {
  const { status, stderr } = run("launch", "launch", "agg", "--model-path", "./no-such-model");
  expect(stderr).toContain("no-such-model");
  expect(stderr).not.toContain("    at ");
  expect(status).toBe(1);
});

test.each(["SIGTERM", "SIGINT"] as const)("%s drains and exits with 0", async (signal) => {
  const program = await startLaunch(["agg", "--engine", "mock"]);
  expect(await program.stop(signal)).toBe(0);
});

test("a running answer is finished before the program ends", async () => {
  const slow = ["--engine", "mock", "--mock-decode-ms-per-step", "20"];
  const program = await startLaunch(["agg", ...slow, "--served-model-name", "tiny"]);
  try {
    const { answer } = await begin(program.ready, "Hi", 40);
    const ended = program.stop("SIGTERM");
    expect(await answer).toMatchObject({ tokenCount: 40 });
    expect(await ended).toBe(0);
  } finally {
    await program.stop("SIGKILL");
  }
});

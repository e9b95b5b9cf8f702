import { type LaunchArgs, parseFrontendArgs, parseLaunchArgs, parseWorkerArgs } from "@dyn/args";
import { describe, expect, test } from "vitest";
import { caught } from "./caught.ts";

function launch(argv: readonly string[]): LaunchArgs {
  const args = parseLaunchArgs({ argv, env: {} });
  if (args.action !== "run") throw new Error("The command printed instead of running.");
  return args;
}

describe("a launch hands every flag to the parts that know it", () => {
  test.each<[string[], string[], string[]]>([
    [["--model-path", "m"], [], ["--model-path", "m"]],
    [["--model=m"], [], ["--model=m"]],
    [["--http-port", "80"], ["--http-port", "80"], []],
    [["--router-mode", "kv"], ["--router-mode", "kv"], []],
    [
      ["--namespace", "x"],
      ["--namespace", "x"],
      ["--namespace", "x"],
    ],
    [
      ["--store-kv", "mem"],
      ["--store-kv", "mem"],
      ["--store-kv", "mem"],
    ],
    [["--tp", "1", "--cuda-graph-bs", "1", "2"], [], ["--tp", "1", "--cuda-graph-bs", "1", "2"]],
    [["--trust-remote-code"], ["--trust-remote-code"], []],
    [
      ["--migration-limit", "3"],
      ["--migration-limit", "3"],
      ["--migration-limit", "3"],
    ],
    [["--chat-template", "t"], [], ["--chat-template", "t"]],
    [["-i"], ["-i"], []],
    [["--explain-config"], ["--explain-config"], ["--explain-config"]],
    [["--no-router-kv-events"], ["--no-router-kv-events"], []],
    [
      ["--no-exclude-tools-when-tool-choice-none"],
      [],
      ["--no-exclude-tools-when-tool-choice-none"],
    ],
  ])("%j", (argv, frontendArgv, workerArgv) => {
    expect(launch(["agg", ...argv])).toMatchObject({
      values: { launch: { pattern: "agg" } },
      frontendArgv,
      workerArgv,
    });
    expect(launch([...argv, "--pattern", "agg"])).toMatchObject({ frontendArgv, workerArgv });
  });

  test("the parts read what they get, over what the pattern says", () => {
    const { frontendArgv, workerArgv } = launch(["agg", "--page-size", "16", "--http-port", "0"]);
    const preset = {
      name: "pattern agg",
      values: { "discovery-backend": "mem", "http-port": 8000 },
    };
    const front = parseFrontendArgs({ argv: frontendArgv, env: {}, preset });
    const work = parseWorkerArgs({
      argv: workerArgv,
      env: {},
      preset: {
        name: "pattern agg",
        values: { "discovery-backend": "mem", "model-path": "bundled", "page-size": 1 },
      },
    });
    expect(front).toMatchObject({
      values: { http: { port: 0 }, runtime: { discoveryBackend: "mem" } },
    });
    expect(work).toMatchObject({
      values: { engine: { pageSize: 16, modelPath: "bundled" } },
      sources: { engine: { modelPath: { kind: "preset", detail: "pattern agg: model-path" } } },
    });
  });

  test.each<[string[], string, string[]]>([
    [[], "DYN_ARGS_MISSING_OPTION", ["dyn launch needs a pattern"]],
    [["agg", "disagg"], "DYN_ARGS_UNEXPECTED_ARGUMENT", ["disagg", "one pattern"]],
    [["agg", "--modle", "m"], "DYN_ARGS_UNKNOWN_FLAG", ["--modle", "--model"]],
    [["agg", "--htp-port", "1"], "DYN_ARGS_UNKNOWN_FLAG", ["--http-port"]],
    [["agg", "--", "x"], "DYN_ARGS_UNEXPECTED_ARGUMENT", ["x"]],
    [["agg", "--dump-config-to", "x"], "DYN_ARGS_UNSUPPORTED_FLAG", ["--dump-config-to"]],
  ])("%j is refused", (argv, code, parts) => {
    const error = caught(() => launch(argv));
    expect(error.code).toBe(code);
    for (const part of parts) expect(error.message).toContain(part);
  });

  test("routing variables are the frontend's, and no two parts write one dump", () => {
    const env = { DYN_ROUTER_MODE: "kv", DYN_NAMESPACE: "x", DYN_DUMP_CONFIG_TO: "dump.json" };
    const args = parseLaunchArgs({ argv: ["agg"], env });
    expect(args).toMatchObject({
      frontendEnv: { DYN_ROUTER_MODE: "kv", DYN_NAMESPACE: "x" },
      workerEnv: { DYN_NAMESPACE: "x" },
      notices: [expect.stringContaining("DYN_DUMP_CONFIG_TO")],
    });
    expect(args).not.toHaveProperty("workerEnv.DYN_ROUTER_MODE");
    expect(args).not.toHaveProperty("frontendEnv.DYN_DUMP_CONFIG_TO");
  });

  test("--help and --version are the launch's own", () => {
    expect(parseLaunchArgs({ argv: ["--help"], env: {} })).toMatchObject({
      action: "print",
      text: expect.stringContaining("dyn launch <pattern>"),
    });
    expect(parseLaunchArgs({ argv: ["agg", "--version"], env: {} })).toMatchObject({
      action: "print",
      text: expect.stringMatching(/^dyn launch \d/),
    });
  });
});

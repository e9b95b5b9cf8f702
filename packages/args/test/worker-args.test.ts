import { parseEndpointName, parseWorkerArgs, type WorkerArgs } from "@dyn/args";
import { describe, expect, test } from "vitest";
import { caught } from "./caught.ts";

function worker(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): WorkerArgs {
  const args = parseWorkerArgs({
    argv: ["--model-path", "org/model", ...argv],
    env,
    readFile: (path) => files[path] ?? "",
  });
  if (args.action !== "run") throw new Error("The command printed instead of running.");
  return args;
}

describe("what follows from a worker's options", () => {
  test("the defaults: an aggregated worker named after its model", () => {
    const { derived, values, sources, notices } = worker([]);
    expect(derived).toEqual({
      workerType: "aggregated",
      servingMode: "agg",
      endpoint: { namespace: "dynamo", component: "backend", endpoint: "generate" },
      servedModelNames: ["org/model"],
      useKvEvents: false,
    });
    expect(values.worker.endpoint).toBe("dyn://dynamo.backend.generate");
    expect(sources.worker.endpoint).toEqual({ kind: "derived", detail: "worker type aggregated" });
    expect(values.engine.servedModelName).toBe("org/model");
    expect(notices).toEqual([]);
  });

  test.each<[string[], Record<string, string>, string]>([
    [[], { DYN_NAMESPACE: "team" }, "dyn://team.backend.generate"],
    [["--namespace", "x"], { DYN_NAMESPACE: "team" }, "dyn://x.backend.generate"],
    [[], { DYN_NAMESPACE_WORKER_SUFFIX: "blue" }, "dyn://dynamo-blue.backend.generate"],
    [["--endpoint", "dyn://a.b.c"], {}, "dyn://a.b.c"],
    [["--endpoint", "a.b.c", "--namespace", "x"], {}, "dyn://a.b.c"],
    [[], { DYN_ENDPOINT: "a.b.c" }, "dyn://a.b.c"],
    [["--component-name", "front"], {}, "dyn://dynamo.front.generate"],
    [["--embedding-worker"], {}, "dyn://dynamo.backend.generate"],
    [["--rerank-worker"], {}, "dyn://dynamo.rerank.generate"],
    [["--image-diffusion-worker"], {}, "dyn://dynamo.backend.generate"],
    [["--disaggregation-mode", "agg"], {}, "dyn://dynamo.backend.generate"],
  ])("%j %j serves at %s", (argv, env, endpoint) => {
    const args = worker(argv, env);
    expect(args.values.worker.endpoint).toBe(endpoint);
    expect(args.derived.endpoint).toEqual(parseEndpointName(endpoint));
    expect(args.values.worker.namespace).toBe(args.derived.endpoint.namespace);
  });

  test.each<[string, string[]]>([
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    ["a b,  c", ["a", "b", "c"]],
  ])("served names %j", (text, names) => {
    expect(worker(["--served-model-name", text]).derived.servedModelNames).toEqual(names);
  });

  test("a rerank worker caches nothing and prefills whole prompts", () => {
    const { values, sources } = worker(["--rerank-worker"]);
    expect(values.engine).toMatchObject({ disableRadixCache: true, chunkedPrefillSize: -1 });
    expect(sources.engine.chunkedPrefillSize).toEqual({
      kind: "derived",
      detail: "--rerank-worker",
    });
  });

  test("the default chunk is cut to whole pages", () => {
    expect(worker(["--page-size", "48"]).values.engine.chunkedPrefillSize).toBe(480);
    expect(worker(["--page-size", "1024"]).values.engine.chunkedPrefillSize).toBe(1024);
    expect(worker(["--page-size", "16"]).values.engine.chunkedPrefillSize).toBe(512);
  });

  test("a template's path is expanded", () => {
    const path = (argv: string, env: Record<string, string>) =>
      worker(["--custom-jinja-template", argv], env).values.worker.customJinjaTemplate;
    expect(path("~/t.jinja", { HOME: "/home/me" })).toBe("/home/me/t.jinja");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell variable, for the option to expand
    expect(path("$DIR/${NAME}.jinja", { DIR: "/d", NAME: "n" })).toBe("/d/n.jinja");
    expect(path("$UNSET/t", {})).toBe("$UNSET/t");
  });

  test("KV events are in use when a publisher is named", () => {
    expect(worker(["--kv-events-config", "{}"]).derived.useKvEvents).toBe(false);
    expect(worker(["--kv-events-config", '{"publisher":"null"}']).derived.useKvEvents).toBe(false);
    expect(
      worker(["--kv-events-config", '{"publisher":"null"}']).values.engine.kvEventsConfig,
    ).toEqual({
      publisher: "null",
      endpoint: "tcp://*:5557",
      replay_endpoint: null,
      buffer_steps: 10_000,
      hwm: 100_000,
      max_queue_size: 100_000,
      topic: "",
    });
  });

  test("the structural tag: bare, JSON, and its old options", () => {
    const tag = (argv: string[], env = {}) => worker(argv, env).values.worker.dynStructuralTag;
    expect(tag([])).toBe(true);
    expect(tag(["--dyn-structural-tag"])).toBe(true);
    expect(tag(["--dyn-structural-tag", "false"])).toBe(false);
    expect(tag(["--dyn-structural-tag", '{"scope":"auto"}'])).toMatchObject({
      scope: "auto",
      schema: "auto",
      reasoning_boundary: "auto",
    });
    expect(tag(["--dyn-structural-tag-schema", "strict"])).toMatchObject({
      scope: "always",
      schema: "strict",
    });
    expect(tag([], { DYN_ENABLE_STRUCTURAL_TAG: "0" })).toBe(false);
    expect(worker(["--no-dyn-enable-structural-tag"]).notices[0]).toContain(
      "use --dyn-structural-tag",
    );
  });

  test("forward passes are traced on text workers only", () => {
    expect(worker(["--fpm-trace"]).values.worker.fpmTrace).toBe(true);
    const { values, notices } = worker(["--fpm-trace", "--embedding-worker"]);
    expect(values.worker.fpmTrace).toBe(false);
    expect(notices).toEqual([expect.stringContaining("--fpm-trace is off")]);
  });

  test("--disagg-config gives the engine's options by role", () => {
    const files = { "roles.yaml": "agg: {page-size: 16, tp_size: 1, trust-remote-code: true}\n" };
    const args = worker(["--disagg-config", "roles.yaml", "--disagg-config-key", "agg"], {}, files);
    expect(args.values.engine.pageSize).toBe(16);
    expect(args.notices[0]).toContain("roles.yaml[agg]: trust-remote-code");
  });
});

describe("spellings of earlier releases", () => {
  test.each<[string[], Record<string, string>, string, string, unknown]>([
    [["--store-kv", "mem"], {}, "runtime", "discoveryBackend", "mem"],
    [[], { DYN_KV_STORE: "file" }, "runtime", "discoveryBackend", "file"],
    [["--disagg-mode", "agg"], {}, "engine", "disaggregationMode", "agg"],
    [["--media-fs-url", "s3://a"], {}, "worker", "mediaOutputFsUrl", "s3://a"],
    [["--image-diffusion-fs-url", "s3://a"], {}, "worker", "mediaOutputFsUrl", "s3://a"],
    [["--no-kv-events"], {}, "router", "routerKvEvents", false],
    [["--aic-system", "h200"], {}, "router", "aisSystem", "h200"],
  ])("%j %j works and a notice names the new one", (argv, env, concern, field, value) => {
    const { values, notices } = worker(argv, env);
    expect((values as unknown as Record<string, Record<string, unknown>>)[concern]?.[field]).toBe(
      value,
    );
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain("old name");
  });

  test("--component-name is accepted without a notice: nothing replaces it", () => {
    expect(worker(["--component-name", "x"]).notices).toEqual([]);
  });

  test.each<[string[], string]>([
    [["--multimodal-processor"], "--enable-multimodal"],
    [["--multimodal-encode-worker"], "--disaggregation-mode encode"],
    [["--multimodal-worker"], "--dedicated-mm-encoder"],
    [["--http-port", "80"], "dyn-frontend"],
  ])("%j is refused with its successor", (argv, successor) => {
    expect(caught(() => worker(argv)).message).toContain(successor);
  });

  test.each([
    ["DYN_SGL_MULTIMODAL_ENCODE_WORKER", "--disaggregation-mode encode"],
    ["DYN_SGL_MULTIMODAL_WORKER", "--enable-multimodal --dedicated-mm-encoder"],
  ])("%s left over in the environment is refused", (name, successor) => {
    const error = caught(() => worker([], { [name]: "1" }));
    expect(error.message).toContain(name);
    expect(error.message).toContain(successor);
    expect(worker([], { [name]: "0" }).action).toBe("run");
  });
});

describe("options that cannot go together name both sides", () => {
  test.each<[string[], string, string]>([
    [["--rerank-worker", "--embedding-worker"], "--rerank-worker", "--embedding-worker"],
    [
      ["--image-diffusion-worker", "--video-generation-worker"],
      "--image-diffusion-worker",
      "--video-generation-worker",
    ],
    [["--rerank-worker", "--enable-multimodal"], "--rerank-worker", "--enable-multimodal"],
    [["--rerank-worker", "--frontend-decoding"], "--rerank-worker", "--frontend-decoding"],
    [
      ["--rerank-worker", "--disaggregation-mode", "prefill"],
      "--rerank-worker",
      "--disaggregation-mode",
    ],
    [["--dedicated-mm-encoder"], "--dedicated-mm-encoder", "--enable-multimodal"],
    [
      ["--dedicated-mm-encoder", "--enable-multimodal"],
      "--dedicated-mm-encoder",
      "--disaggregation-mode",
    ],
    [
      [
        "--dedicated-mm-encoder",
        "--enable-multimodal",
        "--disaggregation-mode",
        "pd",
        "--frontend-decoding",
      ],
      "--frontend-decoding",
      "--dedicated-mm-encoder",
    ],
    [
      ["--multimodal-embedding-cache-publisher"],
      "--multimodal-embedding-cache-publisher",
      "capacity-gb",
    ],
    [
      ["--custom-jinja-template", "t", "--use-sglang-tokenizer"],
      "--custom-jinja-template",
      "--use-sglang-tokenizer",
    ],
    [
      ["--use-sglang-tokenizer", "--endpoint-types", "completions"],
      "--use-sglang-tokenizer",
      "chat among --endpoint-types",
    ],
    [["--endpoint", "a.b.c", "--component-name", "d"], "--component-name", "--endpoint"],
    [
      ["--dyn-structural-tag", "--dyn-structural-tag-scope", "auto"],
      "--dyn-structural-tag",
      "--dyn-structural-tag-scope",
    ],
    [
      ["--no-dyn-enable-structural-tag", "--dyn-structural-tag-scope", "auto"],
      "--dyn-structural-tag-scope",
      "--dyn-enable-structural-tag",
    ],
    [
      ["--enable-priority-scheduling", "--schedule-policy", "lpm"],
      "--enable-priority-scheduling",
      "--schedule-policy",
    ],
    [["--retraction-policy", "priority"], "--retraction-policy", "--enable-priority-scheduling"],
    [
      ["--chunked-prefill-size", "100", "--page-size", "16"],
      "--chunked-prefill-size",
      "--page-size",
    ],
    [["--model-path", "ngc://a/b"], "ngc://a/b", "--served-model-name"],
    [["--model-path", "ngc://a/b", "--served-model-name", "a:b"], "ngc://a/b", "without a colon"],
    [["--gateway-workers", "2", "--embedding-worker"], "--gateway-workers", "--embedding-worker"],
    [["--node-rank", "1"], "--node-rank", "--nnodes"],
    [["--nnodes", "2", "--dp-size", "2"], "--nnodes", "--dp-size"],
    [["--nnodes", "2", "--node-rank", "1", "--rerank-worker"], "--rerank-worker", "--nnodes"],
  ])("%j", (argv, one, other) => {
    const error = caught(() => worker(argv));
    expect(error.code).toBe("DYN_ARGS_CONFLICT");
    expect(error.message).toContain(one);
    expect(error.message).toContain(other);
  });

  test("a side that came from the environment is named with its variable", () => {
    const error = caught(() => worker(["--rerank-worker"], { DYN_SGL_EMBEDDING_WORKER: "1" }));
    expect(error.message).toContain("--embedding-worker (from DYN_SGL_EMBEDDING_WORKER)");
  });

  test.each([
    ["tool-call", "qwen25", "hermes"],
    ["reasoning", "qwen3-thinking", "qwen3"],
  ])("Dynamo's name of a %s parser wins over SGLang's, with a notice", (kind, native, own) => {
    const args = worker([`--${kind}-parser`, native, `--dyn-${kind}-parser`, own]);
    if (args.action !== "run") throw new Error("It printed.");
    expect(args.notices.join()).toContain(
      `--dyn-${kind}-parser ${own} wins over --${kind}-parser ${native}`,
    );
  });

  test.each<string[]>([
    ["--enable-priority-scheduling", "--schedule-policy", "lof"],
    ["--enable-priority-scheduling", "--retraction-policy", "priority"],
    ["--chunked-prefill-size", "-1", "--page-size", "48"],
    ["--dedicated-mm-encoder", "--enable-multimodal", "--disaggregation-mode", "pd"],
  ])("allowed: %j %j %j %j", (...argv) => {
    expect(worker(argv).action).toBe("run");
  });
});

test("node 0 of several is told that it serves alone", () => {
  const node = (rank: string) => worker(["--nnodes", "2", "--node-rank", rank]);
  expect(node("0").notices.join()).toContain("--nnodes 2: the whole model is served from here");
  expect(node("1")).toMatchObject({ notices: [], values: { engine: { nodeRank: 1 } } });
});

describe("values that are wrong by themselves", () => {
  test.each<[string[], string]>([
    [["--endpoint", "a.b"], "three parts"],
    [["--endpoint", "a..b"], "three parts"],
    [["--endpoint-types", "chat,none"], "none stands alone"],
    [["--endpoint-types", "pictures"], "chat, completions, none"],
    [["--output-modalities", "smell"], "text, image, audio, video"],
    [["--engine-request-limit", "0"], "at least 1"],
    [["--gateway-workers", "0"], "at least 1"],
    [["--tcp-tls-handshake-timeout", "0"], "above 0"],
    [["--served-model-name", " , "], "at least one name"],
    [["--dyn-tool-call-parser", "hermess"], "Did you mean hermes?"],
    [["--kv-events-config", "zmq"], "JSON"],
    [["--chunked-prefill-size", "0"], "-1"],
    [["--tp", "2"], "--tp"],
    [["--tp", "2"], "--dp-size starts more ranks"],
    [["--disaggregation-mode", "encode"], "encode"],
    [["--kv-events-config", '{"publisher":"kafka"}'], "zmq"],
    [["--quantization", "fp8"], "q8"],
    [["--kv-cache-dtype", "fp8_e5m2"], "take float16"],
    [["--kv-cache-dtype", "int3"], "auto, float16, fp16, float32, fp32"],
    [["--load-format", "gguf"], "safetensors"],
    [["--schedule-low-priority-values-first"], "more urgent"],
  ])("%j", (argv, part) => {
    expect(caught(() => worker(argv)).message).toContain(part);
  });

  test("a model is needed", () => {
    const error = caught(() => parseWorkerArgs({ argv: [], env: {} }));
    expect(error.code).toBe("DYN_ARGS_MISSING_OPTION");
    expect(error.message).toContain("--model-path PATH");
  });

  test("a key on the command line does not come back in the message", () => {
    const error = caught(() => worker(["--api-key", "hunter2"]));
    expect(error.message).toContain("--api-key is refused");
    expect(error.message).not.toContain("hunter2");
  });

  test("KV events leave the worker with the publisher zmq alone", () => {
    const uses = (config: string) => worker(["--kv-events-config", config]).derived.useKvEvents;
    expect(uses('{"publisher":"zmq"}')).toBe(true);
    expect(uses('{"publisher":"null"}')).toBe(false);
    expect(uses('{"endpoint":"tcp://*:5557"}')).toBe(false);
    expect(worker([]).derived.useKvEvents).toBe(false);
  });

  test("a lower type of weights gives a notice, not a change", () => {
    expect(worker(["--dtype", "bfloat16"]).notices).toHaveLength(1);
    expect(worker(["--dtype", "float32"]).notices).toEqual([]);
  });
});

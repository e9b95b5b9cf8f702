import { z } from "zod";
import { option } from "../option/option-meta.ts";

const model = "Model";
const engine = "Engine";
const memory = "Memory";
const scheduling = "Scheduling";
const disaggregation = "Disaggregation and events";

/** `--kv-events-config`, as SGLang reads it. */
const KvEventsConfig = z.strictObject({
  publisher: z.enum(["null", "zmq"]).default("null"),
  endpoint: z.string().default("tcp://*:5557"),
  replay_endpoint: z.string().nullable().default(null),
  buffer_steps: z.number().int().min(1).default(10_000),
  hwm: z.number().int().min(0).default(100_000),
  max_queue_size: z.number().int().min(1).default(100_000),
  topic: z.string().default(""),
});

/** SGLang's other types of KV, which GPUs compute with. */
const gpuKvTypes = Object.fromEntries(
  ["fp8_e5m2", "fp8_e4m3", "mxfp8", "bf16", "bfloat16", "nvfp4", "fp4_mx_block16", "fp4_e2m1"].map(
    (type) => [type, "No kernel here reads this type: take float16, or leave it at auto."],
  ),
);

/** Options of the engine, with SGLang's names and defaults; a description says where a default is not SGLang's. */
export const engineOptions = z.object({
  modelPath: option("Folder of the weights, or a hub id.", z.string().min(1), {
    aliases: ["model"],
    group: model,
    placeholder: "PATH",
  }),
  servedModelName: option(
    "Names that requests use, separated by commas or spaces; the first is the main one. By default the model path.",
    z.string().optional(),
    { group: model, placeholder: "NAME" },
  ),
  tokenizerPath: option(
    "Folder of the tokenizer, when it is not the model's.",
    z.string().optional(),
    {
      group: model,
      placeholder: "PATH",
    },
  ),
  contextLength: option(
    "Prompt and answer together, in tokens; by default what the model's config.json says.",
    z.number().int().min(1).optional(),
    { group: model, humanInteger: true },
  ),
  skipTokenizerInit: option("Token ids in and out, no text.", z.boolean().default(false), {
    group: model,
  }),
  weightVersion: option(
    "Name of the weights that the engine starts with, told in meta_info of /generate; an update over the engine's routes changes it.",
    z.string().min(1).default("default"),
    { group: model, placeholder: "NAME" },
  ),
  chatTemplate: option(
    "File or name of a chat template instead of the model's.",
    z.string().optional(),
    {
      group: model,
      placeholder: "FILE",
    },
  ),
  revision: option("Branch, tag or commit of a hub id.", z.string().optional(), { group: model }),
  downloadDir: option(
    "Cache folder of the hub; by default that of Hugging Face.",
    z.string().optional(),
    {
      group: model,
      placeholder: "FOLDER",
    },
  ),
  loadFormat: option(
    "How weights are stored: only safetensors can be read.",
    z.enum(["auto", "safetensors"]).default("auto"),
    {
      group: model,
    },
  ),
  dtype: option(
    "Type of the weights. Computed is in float32, which holds every float16 and bfloat16 value exactly.",
    z.enum(["auto", "half", "float16", "bfloat16", "float", "float32"]).default("auto"),
    { group: model },
  ),
  quantization: option(
    "q8: weights in 8 bits, quantised at load and kept on disk. Not set: exact.",
    z.enum(["q8"]).optional(),
    { group: model },
  ),
  kvCacheDtype: option(
    "Type that keys and values are kept in. auto: float16 with --quantization q8 where the processor has it, otherwise float32, which is exact.",
    z.enum(["auto", "float16", "fp16", "float32", "fp32"]).default("auto"),
    { group: model, retiredValues: gpuKvTypes },
  ),
  toolCallParser: option(
    "How the frontend finds tool calls in the answer, by SGLang's name; --dyn-tool-call-parser wins.",
    z.string().optional(),
    { group: model, placeholder: "NAME" },
  ),
  reasoningParser: option(
    "How the frontend finds the thinking in the answer, by SGLang's name; --dyn-reasoning-parser wins.",
    z.string().optional(),
    { group: model, placeholder: "NAME" },
  ),
  engine: option(
    "What computes: the ONNX runtime, or a mock with given timing.",
    z.enum(["onnx", "mock"]).default("onnx"),
    {
      env: "DYN_ENGINE",
      group: engine,
    },
  ),
  device: option("auto takes the only device there is.", z.enum(["auto", "cpu"]).default("auto"), {
    group: engine,
  }),
  threads: option(
    "Threads that compute; by default as many as the machine has cores.",
    z.number().int().min(1).optional(),
    { env: "DYN_ENGINE_THREADS", group: engine },
  ),
  tpSize: option("Devices that share the model: one.", z.number().int().min(1).default(1), {
    aliases: ["tp", "tensor-parallel-size"],
    group: engine,
  }),
  dpSize: option(
    "Data-parallel ranks of this worker: each has the whole model, a scheduler, a cache and an event stream of its own.",
    z.number().int().min(1).max(64).default(1),
    {
      aliases: ["dp", "data-parallel-size"],
      group: engine,
    },
  ),
  nnodes: option(
    "Machines of this worker. Node 0 computes everything; the others serve health and metrics.",
    z.number().int().min(1).default(1),
    { group: engine },
  ),
  nodeRank: option(
    "Which of them this is. Above 0 it registers nothing, loads nothing, and ends with a signal.",
    z.number().int().min(0).default(0),
    { group: engine },
  ),
  randomSeed: option(
    "Seed of requests without their own; by default random.",
    z.number().int().min(0).optional(),
    {
      group: engine,
    },
  ),
  watchdogTimeout: option(
    "Seconds after which a batch that does not end is a crash.",
    z.number().gt(0).default(300),
    {
      group: engine,
      placeholder: "SECONDS",
    },
  ),
  logLevel: option(
    "Log level of the engine.",
    z.enum(["debug", "info", "warning", "error", "critical"]).default("info"),
    {
      group: engine,
    },
  ),
  host: option("Address of SGLang's own server.", z.string().optional(), {
    group: engine,
    hidden: true,
    noEffect: "a worker has no HTTP server of its own; the frontend has --http-host.",
  }),
  port: option("Port of SGLang's own server.", z.number().int().min(0).max(65535).optional(), {
    group: engine,
    hidden: true,
    noEffect: "a worker has no HTTP server of its own; the frontend has --http-port.",
  }),
  pageSize: option(
    "Tokens in a page of KV. SGLang: 1; a CPU reads a page at a time.",
    z.number().int().min(1).default(16),
    {
      group: memory,
    },
  ),
  memFractionStatic: option(
    "Largest share of the memory free after loading that KV may take. On SGLang: of a GPU's memory, for weights and KV, chosen by GPU.",
    z.number().gt(0).lt(1).default(0.5),
    { group: memory },
  ),
  maxTotalTokens: option(
    "Tokens of KV; by default what --mem-fraction-static allows, and no more than all running requests can use.",
    z.number().int().min(1).optional(),
    { group: memory, humanInteger: true },
  ),
  disableRadixCache: option(
    "Do not reuse the KV of equal beginnings.",
    z.boolean().default(false),
    { group: memory },
  ),
  maxRunningRequests: option(
    "Requests that decode at once; by default the engine's choice.",
    z.number().int().min(1).optional(),
    { group: scheduling },
  ),
  maxQueuedRequests: option(
    "Requests that wait; more are refused with 503.",
    z.number().int().min(1).optional(),
    {
      group: scheduling,
    },
  ),
  chunkedPrefillSize: option(
    "Prompt tokens computed in one step; -1: a whole prompt. SGLang: 2048 to 16384 by GPU; a CPU computes 512 in the time a user waits.",
    z.number().int().min(-1).default(512),
    { group: scheduling },
  ),
  maxPrefillTokens: option(
    "Prompt tokens of all requests in one step.",
    z.number().int().min(1).default(16_384),
    {
      group: scheduling,
      humanInteger: true,
    },
  ),
  schedulePolicy: option(
    "Order of the waiting queue.",
    z
      .enum(["lpm", "random", "fcfs", "dfs-weight", "lof", "priority", "routing-key"])
      .default("fcfs"),
    { group: scheduling },
  ),
  scheduleConservativeness: option(
    "Scales the room kept for answers; larger means fewer retractions.",
    z.number().min(0).default(1),
    { group: scheduling },
  ),
  enablePriorityScheduling: option(
    "Honour the priority of requests; higher is sooner.",
    z.boolean().default(false),
    {
      group: scheduling,
    },
  ),
  disablePriorityPreemption: option(
    "Sort by priority, but do not interrupt.",
    z.boolean().default(false),
    {
      group: scheduling,
    },
  ),
  defaultPriorityValue: option("Priority of requests without one.", z.number().int().optional(), {
    group: scheduling,
  }),
  abortOnPriorityWhenDisabled: option(
    "Refuse requests with a priority when priority scheduling is off.",
    z.boolean().default(false),
    { group: scheduling },
  ),
  prioritySchedulingPreemptionThreshold: option(
    "By how much a priority must be higher to interrupt a running request.",
    z.number().int().min(0).default(10),
    { group: scheduling },
  ),
  retractionPolicy: option(
    "Which request is set back when pages run out.",
    z.enum(["length", "priority"]).default("length"),
    { group: scheduling },
  ),
  streamInterval: option("Tokens per streamed piece.", z.number().int().min(1).default(1), {
    group: scheduling,
  }),
  disaggregationMode: option(
    "Role in disaggregated serving; null and agg: prefill and decode in one worker.",
    z.enum(["null", "agg", "pd", "prefill", "decode", "encode"]).default("null"),
    { oldNames: ["disagg-mode"], group: disaggregation },
  ),
  disaggregationBootstrapPort: option(
    "Port where a prefill worker meets decode workers; by default a free one.",
    z.number().int().min(0).max(65535).optional(),
    { group: disaggregation },
  ),
  disaggregationTransport: option(
    "How KV goes from prefill to decode workers: by shared memory, by TCP, or by the first that both have.",
    z.enum(["auto", "shm", "tcp"]).default("auto"),
    { env: "DYN_DISAGGREGATION_TRANSPORT", group: disaggregation },
  ),
  kvEventsConfig: option("Whether and where KV events are published.", KvEventsConfig.optional(), {
    group: disaggregation,
  }),
});

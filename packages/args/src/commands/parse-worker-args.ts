import { homedir } from "node:os";
import { ArgsError } from "../args-error.ts";
import type { PrintArgs } from "../command/command.ts";
import { deriveValue, isGiven, nameOption } from "../command/derive-value.ts";
import { noMedia } from "../native/no-media.ts";
import { type ParseOptions, parseArgs } from "../parse/parse-args.ts";
import { textToBoolean } from "../parse/text-to-value.ts";
import { type WorkerRunArgs, workerCommand } from "./worker-command.ts";
import { type EndpointName, formatEndpointName, parseEndpointName } from "./worker-endpoint.ts";
import { checkWorkerRules } from "./worker-rules.ts";
import {
  defaultComponent,
  type ServingMode,
  servingMode,
  type WorkerType,
  workerType,
} from "./worker-type.ts";

/** What follows from a worker's options. */
export interface WorkerDerived {
  readonly workerType: WorkerType;
  readonly servingMode: ServingMode;
  /** Where the worker serves `generate`. */
  readonly endpoint: EndpointName;
  /** The main name first, then its aliases; never empty. */
  readonly servedModelNames: readonly [string, ...string[]];
  /** Whether KV events leave the engine. */
  readonly useKvEvents: boolean;
}

export interface WorkerArgs extends WorkerRunArgs {
  readonly derived: WorkerDerived;
}

export type WorkerParseOptions = Omit<ParseOptions, "finish">;

/** Reads the options of a worker, checks them against each other, and derives the rest. Throws ArgsError. */
export function parseWorkerArgs(options: WorkerParseOptions): WorkerArgs | PrintArgs {
  checkRetiredVariables(options.env);
  return parseArgs(workerCommand, {
    ...options,
    finish: (args) => {
      checkWorkerRules(args);
      return deriveWorker(args, options.env);
    },
  });
}

/** Variables that chose a worker type which is chosen otherwise now. */
function checkRetiredVariables(env: ParseOptions["env"]): void {
  const successors = {
    DYN_SGL_MULTIMODAL_PROCESSOR: "--enable-multimodal",
    DYN_SGL_MULTIMODAL_ENCODE_WORKER: "--disaggregation-mode encode",
    DYN_SGL_MULTIMODAL_WORKER: "--enable-multimodal --dedicated-mm-encoder",
  };
  for (const [name, successor] of Object.entries(successors)) {
    if (textToBoolean(env[name] ?? "") !== true) continue;
    throw new ArgsError(
      "UNSUPPORTED_FLAG",
      `${name}=${env[name]} is refused: ${noMedia}; since 1.6 ${successor} stands for it. Unset it.`,
      { flag: name },
    );
  }
}

function deriveWorker(parsed: WorkerRunArgs, env: ParseOptions["env"]): WorkerArgs {
  const type = workerType(parsed.values);
  let args = deriveEndpoint(parsed, type);
  const endpoint = parseEndpointName(args.values.worker.endpoint ?? "");
  const { engine, worker } = args.values;
  const servedModelNames = splitNames(engine.servedModelName ?? engine.modelPath);
  if (engine.servedModelName === undefined) {
    args = deriveValue(args, "engine", "servedModelName", engine.modelPath, "--model-path");
  }
  if (type === "rerank") {
    args = deriveValue(args, "engine", "disableRadixCache", true, "--rerank-worker");
    args = deriveValue(args, "engine", "chunkedPrefillSize", -1, "--rerank-worker");
  } else if (engine.chunkedPrefillSize > 0 && engine.chunkedPrefillSize % engine.pageSize !== 0) {
    const pages = Math.max(1, Math.floor(engine.chunkedPrefillSize / engine.pageSize));
    args = deriveValue(
      args,
      "engine",
      "chunkedPrefillSize",
      pages * engine.pageSize,
      "whole pages of --page-size",
    );
  }
  if (type === "encode" && !worker.enableMultimodal) {
    args = deriveValue(args, "worker", "enableMultimodal", true, "--disaggregation-mode encode");
  }
  if (worker.customJinjaTemplate !== undefined) {
    const path = expandPath(worker.customJinjaTemplate, env);
    if (path !== worker.customJinjaTemplate) {
      args = deriveValue(
        args,
        "worker",
        "customJinjaTemplate",
        path,
        `${worker.customJinjaTemplate}`,
      );
    }
  }
  args = deriveForwardPassTrace(deriveStructuralTag(args), type);
  const mode = engine.disaggregationMode;
  return {
    ...args,
    notices: [...args.notices, ...noticesOf(args)],
    derived: {
      workerType: type,
      servingMode: servingMode(mode),
      endpoint,
      servedModelNames,
      useKvEvents: (engine.kvEventsConfig?.publisher ?? "null") !== "null",
    },
  };
}

function deriveEndpoint(parsed: WorkerRunArgs, type: WorkerType): WorkerRunArgs {
  const { worker } = parsed.values;
  if (worker.endpoint !== undefined) {
    const endpoint = parseEndpointName(worker.endpoint);
    const args = deriveValue(
      parsed,
      "worker",
      "endpoint",
      formatEndpointName(endpoint),
      worker.endpoint,
    );
    return endpoint.namespace === worker.namespace
      ? args
      : deriveValue(args, "worker", "namespace", endpoint.namespace, "--endpoint");
  }
  const suffix = worker.namespaceWorkerSuffix;
  const namespace = suffix === undefined ? worker.namespace : `${worker.namespace}-${suffix}`;
  const component = worker.componentName ?? defaultComponent(type);
  const name = formatEndpointName({ namespace, component, endpoint: "generate" });
  const args = deriveValue(parsed, "worker", "endpoint", name, `worker type ${type}`);
  return suffix === undefined
    ? args
    : deriveValue(args, "worker", "namespace", namespace, "DYN_NAMESPACE_WORKER_SUFFIX");
}

/** Only plain text generation has forward passes to trace. */
function deriveForwardPassTrace(args: WorkerRunArgs, type: WorkerType): WorkerRunArgs {
  const isPlain = type === "aggregated" || type === "prefill" || type === "decode";
  if (!args.values.worker.fpmTrace || isPlain) return args;
  const off = deriveValue(args, "worker", "fpmTrace", false, `worker type ${type}`);
  return {
    ...off,
    notices: [
      ...off.notices,
      `--fpm-trace is off: it has no meaning for a worker of type ${type}.`,
    ],
  };
}

/** The three old options become the one new. */
function deriveStructuralTag(args: WorkerRunArgs): WorkerRunArgs {
  const {
    dynEnableStructuralTag: on,
    dynStructuralTagScope: scope,
    dynStructuralTagSchema: schema,
  } = args.values.worker;
  if (on === undefined && scope === undefined && schema === undefined) return args;
  const tag =
    on === false
      ? false
      : {
          scope: scope ?? "always",
          schema: schema ?? "auto",
          allow_tool_calls_with_structured_output: false,
          exclude_special_tokens: null,
          reasoning_boundary: "auto" as const,
          tool_arguments_any_order: false,
        };
  return deriveValue(
    args,
    "worker",
    "dynStructuralTag",
    tag,
    "the old --dyn-enable-structural-tag options",
  );
}

function noticesOf(args: WorkerRunArgs): string[] {
  const { engine, worker } = args.values;
  const notices: string[] = [];
  if (engine.nnodes > 1 && engine.nodeRank === 0) {
    notices.push(
      `--nnodes ${engine.nnodes}: the whole model is served from here, node 0; nodes of higher rank serve health and metrics. Workers of their own there would serve more.`,
    );
  }
  if (["half", "float16", "bfloat16"].includes(engine.dtype)) {
    notices.push(
      `--dtype ${engine.dtype}: the engine computes in float32, which holds every such value exactly.`,
    );
  }
  if (worker.customJinjaTemplate !== undefined && !worker.endpointTypes.includes("chat")) {
    notices.push("--custom-jinja-template has no effect: chat is not among --endpoint-types.");
  }
  const parsers = [
    ["toolCallParser", "dynToolCallParser"],
    ["reasoningParser", "dynReasoningParser"],
  ] as const;
  for (const [native, own] of parsers) {
    if (engine[native] !== undefined && worker[own] !== undefined) {
      notices.push(
        `${nameOption(args, "worker", own)} ${worker[own]} wins over ${nameOption(args, "engine", native)} ${engine[native]}; leave one of them out.`,
      );
    }
  }
  if (worker.useSglangTokenizer) {
    notices.push(
      "--use-sglang-tokenizer is going away: dyn-frontend has --dyn-chat-processor sglang.",
    );
  }
  if (
    isGiven(args, "worker", "dynEnableStructuralTag") ||
    isGiven(args, "worker", "dynStructuralTagScope") ||
    isGiven(args, "worker", "dynStructuralTagSchema")
  ) {
    notices.push(
      "--dyn-enable-structural-tag, -scope and -schema are old: use --dyn-structural-tag.",
    );
  }
  return notices;
}

function splitNames(text: string): readonly [string, ...string[]] {
  const [first, ...others] = text.split(/[\s,]+/).filter((name) => name !== "");
  if (first === undefined) {
    throw new ArgsError(
      "INVALID_VALUE",
      `--served-model-name cannot be "${text}". Expected at least one name.`,
      {
        flag: "--served-model-name",
      },
    );
  }
  return [first, ...others];
}

function expandPath(path: string, env: ParseOptions["env"]): string {
  return path
    .replace(/^~(?=\/|$)/, env.HOME ?? homedir())
    .replace(
      /\$\{(\w+)\}|\$(\w+)/g,
      (whole, braced: string | undefined, bare: string | undefined) =>
        env[braced ?? bare ?? ""] ?? whole,
    );
}

import { ArgsError } from "../args-error.ts";
import { conflictError, isGiven, nameOption } from "../command/derive-value.ts";
import type { WorkerRunArgs } from "./worker-command.ts";

type Option = readonly [concern: "worker" | "engine" | "runtime", field: string];

/** Which options cannot go together, or need each other. Throws at the first that does not hold. */
export function checkWorkerRules(args: WorkerRunArgs): void {
  checkWorkerTypes(args);
  checkMultimodal(args);
  checkText(args);
  checkScheduling(args);
  checkNodes(args);
  checkThisRelease(args);
}

function isOn(args: WorkerRunArgs, [concern, field]: Option): boolean {
  const value = (args.values[concern] as Record<string, unknown>)[field];
  return value === true || (value !== false && isGiven(args, concern, field));
}

function exclude(args: WorkerRunArgs, one: Option, others: readonly Option[], why: string): void {
  if (!isOn(args, one)) return;
  for (const other of others) if (isOn(args, other)) throw conflictError(args, one, other, why);
}

function need(args: WorkerRunArgs, [concern, field]: Option, what: string): ArgsError {
  const flag = nameOption(args, concern, field);
  return new ArgsError("CONFLICT", `${flag} needs ${what}.`, { flag });
}

function checkWorkerTypes(args: WorkerRunArgs): void {
  const { engine } = args.values;
  const types: Option[] = [
    ["worker", "rerankWorker"],
    ["worker", "embeddingWorker"],
    ["worker", "imageDiffusionWorker"],
    ["worker", "videoGenerationWorker"],
  ];
  const why = "a worker has one type.";
  for (const [index, type] of types.entries()) exclude(args, type, types.slice(index + 1), why);
  exclude(
    args,
    ["worker", "rerankWorker"],
    [
      ["worker", "enableMultimodal"],
      ["worker", "dedicatedMmEncoder"],
      ["worker", "frontendDecoding"],
    ],
    "a rerank worker takes text only.",
  );
  if (args.values.worker.rerankWorker && !["null", "agg"].includes(engine.disaggregationMode)) {
    throw conflictError(
      args,
      ["worker", "rerankWorker"],
      ["engine", "disaggregationMode"],
      "reranking is not disaggregated.",
    );
  }
  exclude(
    args,
    ["worker", "gatewayWorkers"],
    [...types, ["worker", "enableMultimodal"], ["worker", "fpmTrace"]],
    "only plain text generation is spread over several endpoint processes.",
  );
}

function checkMultimodal(args: WorkerRunArgs): void {
  const { worker, engine } = args.values;
  if (worker.dedicatedMmEncoder) {
    if (!worker.enableMultimodal)
      throw need(args, ["worker", "dedicatedMmEncoder"], "--enable-multimodal");
    if (!["pd", "prefill", "decode"].includes(engine.disaggregationMode)) {
      throw need(
        args,
        ["worker", "dedicatedMmEncoder"],
        "--disaggregation-mode pd, prefill or decode",
      );
    }
  }
  exclude(
    args,
    ["worker", "frontendDecoding"],
    [["worker", "dedicatedMmEncoder"]],
    "either the frontend or an encode worker reads the media.",
  );
  if (worker.multimodalEmbeddingCachePublisher && worker.multimodalEmbeddingCacheCapacityGb === 0) {
    throw need(
      args,
      ["worker", "multimodalEmbeddingCachePublisher"],
      "--multimodal-embedding-cache-capacity-gb above 0",
    );
  }
}

function checkText(args: WorkerRunArgs): void {
  const { worker, engine } = args.values;
  exclude(
    args,
    ["worker", "customJinjaTemplate"],
    [["worker", "useSglangTokenizer"]],
    "the frontend renders that template and would not see the text; give --chat-template instead.",
  );
  if (
    worker.useSglangTokenizer &&
    !worker.endpointTypes.includes("chat") &&
    !worker.endpointTypes.includes("none")
  ) {
    throw need(args, ["worker", "useSglangTokenizer"], "chat among --endpoint-types");
  }
  exclude(
    args,
    ["worker", "componentName"],
    [["worker", "endpoint"]],
    "the endpoint already names its component; leave --component-name out.",
  );
  if (engine.modelPath.startsWith("ngc://") && !/^[^:]+$/.test(engine.servedModelName ?? "")) {
    throw new ArgsError(
      "CONFLICT",
      `--model-path ${engine.modelPath} needs --served-model-name, a name without a colon.`,
      { flag: "--served-model-name" },
    );
  }
  if (worker.endpointTypes.includes("none") && worker.endpointTypes.length > 1) {
    throw new ArgsError(
      "INVALID_VALUE",
      `--endpoint-types cannot be "${worker.endpointTypes.join(",")}": none stands alone.`,
      { flag: "--endpoint-types" },
    );
  }
  const old: Option[] = [
    ["worker", "dynEnableStructuralTag"],
    ["worker", "dynStructuralTagScope"],
    ["worker", "dynStructuralTagSchema"],
  ];
  if (isGiven(args, "worker", "dynStructuralTag")) {
    for (const [concern, field] of old) {
      if (isGiven(args, concern, field)) {
        throw conflictError(
          args,
          ["worker", "dynStructuralTag"],
          [concern, field],
          "the second is an old form of the first; leave it out.",
        );
      }
    }
  }
  if (worker.dynEnableStructuralTag === false) {
    for (const field of ["dynStructuralTagScope", "dynStructuralTagSchema"]) {
      if (isGiven(args, "worker", field)) {
        throw conflictError(
          args,
          ["worker", field],
          ["worker", "dynEnableStructuralTag"],
          "the second turns it off.",
        );
      }
    }
  }
}

function checkScheduling(args: WorkerRunArgs): void {
  const { engine } = args.values;
  if (engine.enablePriorityScheduling && !["fcfs", "lof"].includes(engine.schedulePolicy)) {
    throw conflictError(
      args,
      ["engine", "enablePriorityScheduling"],
      ["engine", "schedulePolicy"],
      `priorities order the queue by fcfs or lof, not by ${engine.schedulePolicy}.`,
    );
  }
  if (engine.retractionPolicy === "priority" && !engine.enablePriorityScheduling) {
    throw new ArgsError(
      "CONFLICT",
      "--retraction-policy priority needs --enable-priority-scheduling.",
      {
        flag: "--retraction-policy",
      },
    );
  }
  if (engine.chunkedPrefillSize === 0) {
    throw new ArgsError(
      "INVALID_VALUE",
      '--chunked-prefill-size cannot be "0". Expected -1 (off) or at least 1.',
      {
        flag: "--chunked-prefill-size",
      },
    );
  }
  if (
    engine.chunkedPrefillSize > 0 &&
    engine.chunkedPrefillSize % engine.pageSize !== 0 &&
    isGiven(args, "engine", "chunkedPrefillSize")
  ) {
    throw conflictError(
      args,
      ["engine", "chunkedPrefillSize"],
      ["engine", "pageSize"],
      `a chunk must be whole pages, and ${engine.chunkedPrefillSize} is no multiple of ${engine.pageSize}.`,
    );
  }
}

/** One node computes; what would have to be spread over several is refused on each of them alike. */
function checkNodes(args: WorkerRunArgs): void {
  const { engine, worker } = args.values;
  if (engine.nodeRank >= engine.nnodes) {
    throw conflictError(
      args,
      ["engine", "nodeRank"],
      ["engine", "nnodes"],
      `nodes are counted from 0, so that the last one of ${engine.nnodes} is ${engine.nnodes - 1}.`,
    );
  }
  if (engine.nnodes > 1 && engine.dpSize > 1) {
    throw conflictError(
      args,
      ["engine", "nnodes"],
      ["engine", "dpSize"],
      "the ranks of a worker share one process; start a worker of its own on each machine, with as many ranks as it has room for.",
    );
  }
  const vectors: Option | null = worker.embeddingWorker
    ? ["worker", "embeddingWorker"]
    : worker.rerankWorker
      ? ["worker", "rerankWorker"]
      : null;
  if (engine.nnodes > 1 && vectors !== null) {
    throw conflictError(
      args,
      vectors,
      ["engine", "nnodes"],
      "such a worker is on one machine; start one on each.",
    );
  }
}

/** What the options describe and this release does not do yet. */
function checkThisRelease(args: WorkerRunArgs): void {
  const { engine } = args.values;
  const refuse = (field: string, flag: string, why: string): ArgsError =>
    new ArgsError("UNSUPPORTED_FLAG", `${nameOption(args, "engine", field)} ${why}`, { flag });
  if (engine.tpSize > 1) {
    throw refuse(
      "tpSize",
      "--tp-size",
      `cannot be ${engine.tpSize}: one rank holds the whole model. Leave it at 1; --dp-size starts more ranks.`,
    );
  }
  if (engine.disaggregationMode === "encode") {
    throw refuse(
      "disaggregationMode",
      "--disaggregation-mode",
      "cannot be encode yet: this engine reads text. Leave it out, or choose prefill or decode.",
    );
  }
}

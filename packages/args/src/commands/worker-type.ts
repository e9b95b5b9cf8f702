import type { WorkerRunArgs } from "./worker-command.ts";

/** What a worker does; each has its own handler and health payload. */
export type WorkerType =
  | "aggregated"
  | "prefill"
  | "decode"
  | "encode"
  | "multimodal"
  | "multimodal-prefill"
  | "multimodal-decode"
  | "embedding"
  | "rerank"
  | "image"
  | "video";

export type ServingMode = "agg" | "prefill" | "decode";

/** The first that fits. */
export function workerType({ worker, engine }: WorkerRunArgs["values"]): WorkerType {
  if (worker.rerankWorker) return "rerank";
  if (worker.embeddingWorker) return "embedding";
  if (worker.imageDiffusionWorker) return "image";
  if (worker.videoGenerationWorker) return "video";
  const mode = engine.disaggregationMode;
  if (mode === "encode") return "encode";
  const isMultimodal = worker.enableMultimodal && worker.dedicatedMmEncoder;
  if (mode === "prefill" || mode === "decode") return isMultimodal ? `multimodal-${mode}` : mode;
  return isMultimodal && mode === "pd" ? "multimodal" : "aggregated";
}

/** Component under which a worker of this type is found. */
export function defaultComponent(type: WorkerType): string {
  switch (type) {
    case "rerank":
    case "encode":
    case "prefill":
      return type;
    case "multimodal-prefill":
      return "prefill";
    default:
      return "backend";
  }
}

/** As the model card and the dump say it; encode workers count as agg. */
export function servingMode(mode: string): ServingMode {
  return mode === "prefill" || mode === "decode" ? mode : "agg";
}

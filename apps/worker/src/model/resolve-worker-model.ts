import type { WorkerArgs } from "@dyn/args";
import { type ModelDirectory, resolveModel } from "@dyn/model-files";

/** The directory of --model-path, downloaded when it is a hub id. */
export function resolveWorkerModel(
  { values: { engine } }: WorkerArgs,
  signal: AbortSignal,
): Promise<ModelDirectory> {
  return resolveModel(engine.modelPath, {
    ...(engine.revision === undefined ? {} : { revision: engine.revision }),
    ...(engine.downloadDir === undefined
      ? {}
      : { env: { ...process.env, HF_HUB_CACHE: engine.downloadDir } }),
    signal,
  });
}

import { availableParallelism } from "node:os";
import type { FrontendArgs } from "@dyn/args";

/** Gateway processes that `--http-workers` asks for. */
export function workerCountOf({ values }: FrontendArgs): number {
  const { workers } = values.http;
  return workers === "auto" ? availableParallelism() : Number(workers);
}

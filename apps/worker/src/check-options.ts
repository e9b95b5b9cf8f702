import { refuseUnsupported, type WorkerArgs } from "@dyn/args";
import { cardParsers } from "./card/card-parsers.ts";
import { textParsers } from "./card/text-parsers.ts";
import { supportedOptions } from "./supported-options.ts";
import { supportedVectorOptions } from "./supported-vector-options.ts";

/** Throws ArgsError for what a worker of this type does not act on: before anything is connected or loaded. */
export function checkOptions(args: WorkerArgs): void {
  const { workerType } = args.derived;
  const isVectorWorker = workerType === "embedding" || workerType === "rerank";
  refuseUnsupported(args, isVectorWorker ? supportedVectorOptions : supportedOptions);
  if (args.values.worker.useSglangTokenizer) textParsers(args);
  else cardParsers(args);
}

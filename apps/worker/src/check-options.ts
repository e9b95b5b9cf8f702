import { statSync } from "node:fs";
import { ArgsError, nameOption, refuseUnsupported, type WorkerArgs } from "@dyn/args";
import { cardParsers } from "./card/card-parsers.ts";
import { textParsers } from "./card/text-parsers.ts";
import { refusedOptions } from "./refused-options.ts";
import { checkRoutes } from "./routes/configured-routes.ts";
import { supportedOptions } from "./supported-options.ts";
import { supportedVectorOptions } from "./supported-vector-options.ts";

/**
 * Throws ArgsError for what a worker of this type does not act on, or cannot: before anything is connected or loaded.
 */
export function checkOptions(args: WorkerArgs): void {
  const { workerType } = args.derived;
  const isVectorWorker = workerType === "embedding" || workerType === "rerank";
  refuseUnsupported(
    args,
    isVectorWorker ? supportedVectorOptions : supportedOptions,
    refusedOptions,
  );
  checkTemplate(args, "worker", "customJinjaTemplate");
  checkTemplate(args, "engine", "chatTemplate");
  checkRoutes(args.values.worker.engineRoute);
  checkAccess(args);
  if (args.values.worker.useSglangTokenizer) textParsers(args);
  else cardParsers(args);
}

function checkTemplate(
  args: WorkerArgs,
  concern: "worker" | "engine",
  field: "customJinjaTemplate" | "chatTemplate",
): void {
  const path = { ...args.values.engine, ...args.values.worker }[field];
  if (path === undefined || statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new ArgsError(
    "INVALID_VALUE",
    `${nameOption(args, concern, field)} cannot be ${JSON.stringify(path)}: there is no such file. Give a Jinja template of yours; without one the model's own is used.`,
    { flag: field },
  );
}

function checkAccess(args: WorkerArgs): void {
  const { engineRoutes, engineRoutesKey } = args.values.system;
  if (engineRoutes !== "all" || engineRoutesKey !== undefined) return;
  throw new ArgsError(
    "CONFLICT",
    `${nameOption(args, "system", "engineRoutes")} all lets everybody who reaches the system server change the model: give a key with --engine-routes-key, or take local.`,
    { flag: "--engine-routes" },
  );
}

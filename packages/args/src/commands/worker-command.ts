import type { Command, RunArgs } from "../command/command.ts";
import { defineCommand } from "../command/define-command.ts";
import { engineOptions } from "../concerns/engine-options.ts";
import { mockOptions } from "../concerns/mock-options.ts";
import { processOptions } from "../concerns/process-options.ts";
import { routerAdvertisementOptions } from "../concerns/router-options.ts";
import { runtimeOptions } from "../concerns/runtime-options.ts";
import { systemOptions } from "../concerns/system-options.ts";
import { topologyOptions } from "../concerns/topology-options.ts";
import { workerOptions } from "../concerns/worker-options.ts";
import { retiredWorkerFlags } from "../native/retired-flags.ts";
import { sglangFlags } from "../native/sglang-flags.ts";
import { programVersion } from "../program-version.ts";

const concerns = {
  engine: engineOptions,
  worker: workerOptions,
  runtime: runtimeOptions,
  router: routerAdvertisementOptions,
  topology: topologyOptions,
  mock: mockOptions,
  system: systemOptions,
  process: processOptions,
};
export type WorkerConcerns = typeof concerns;

/** Flags, variables and help of dyn-worker. Read them by `parseWorkerArgs`, which knows SGLang's native flags too. */
export const workerCommand: Command<WorkerConcerns> = defineCommand({
  name: "dyn-worker",
  summary: "Serves one model by one engine behind discovery.",
  version: programVersion,
  concerns,
  nativeFlags: [...sglangFlags, ...retiredWorkerFlags],
  configFile: "file-and-section",
});

export type WorkerRunArgs = RunArgs<WorkerConcerns>;

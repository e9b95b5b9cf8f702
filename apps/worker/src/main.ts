// dyn-worker: parses, joins the deployment, starts the worker of its type, drains on a signal.
import { parseWorkerArgs } from "@dyn/args";
import { createLoggerFromEnv } from "@dyn/logging";
import { createPlanes, runProgram } from "@dyn/runtime";
import { describeWorker } from "./describe-worker.ts";
import { startWorker } from "./start-worker.ts";

process.exitCode = await runProgram({
  parse: () => parseWorkerArgs({ argv: process.argv.slice(2), env: process.env }),
  start: async (args, signal) => {
    const logger = createLoggerFromEnv("worker");
    const planes = await createPlanes(args.values.runtime, {
      onProblem: (message, error) =>
        logger.child("runtime").warn(message, { error: String(error) }),
    });
    const worker = await startWorker({ args, planes, logger, signal });
    logger.info("ready", describeWorker(worker));
    return worker;
  },
});

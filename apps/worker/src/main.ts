// dyn-worker: parses, joins the deployment, starts the worker of its type, drains on a signal.
import { createConfigDump, parseWorkerArgs, writeConfigDump } from "@dyn/args";
import { createProgramLogger } from "@dyn/logging";
import { createPlanes, runProgram } from "@dyn/runtime";
import { resolveBundledModel } from "./bundled-model.ts";
import { checkOptions } from "./check-options.ts";
import { describeWorker } from "./describe-worker.ts";
import { startFollowerNode } from "./node/start-follower-node.ts";
import { startWorker } from "./start-worker.ts";

process.exitCode = await runProgram({
  parse: () => {
    const args = parseWorkerArgs({ argv: process.argv.slice(2), env: process.env });
    if (args.action === "print") return args;
    checkOptions(args);
    return resolveBundledModel(args);
  },
  start: async (args, signal) => {
    const logger = createProgramLogger("worker", args.values.process);
    const dumpTo = args.values.process.dumpConfigTo;
    if (dumpTo !== undefined) {
      const problem = writeConfigDump(dumpTo, createConfigDump(args, process.env));
      if (problem !== undefined) logger.warn(problem.message, { cause: String(problem.cause) });
    }
    if (args.values.engine.nodeRank > 0) return startFollowerNode(args, logger);
    const planes = await createPlanes(args.values.runtime, {
      onProblem: (message, error) =>
        logger.child("runtime").warn(message, { error: String(error) }),
    });
    const worker = await startWorker({ args, planes, logger, signal });
    const report = describeWorker(worker);
    logger.info("ready", report);
    return { ...worker, report };
  },
});

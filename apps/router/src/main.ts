// dyn-router: parses, joins the deployment, routes, drains on a signal.
import { createConfigDump, parseRouterArgs, writeConfigDump } from "@dyn/args";
import { createProgramLogger } from "@dyn/logging";
import { createPlanes, runProgram } from "@dyn/runtime";
import { startRouter } from "./start-router.ts";

process.exitCode = await runProgram({
  parse: () => parseRouterArgs({ argv: process.argv.slice(2), env: process.env }),
  start: async (args, signal) => {
    const logger = createProgramLogger("router", args.values.process);
    const dumpTo = args.values.process.dumpConfigTo;
    if (dumpTo !== undefined) {
      const problem = writeConfigDump(dumpTo, createConfigDump(args, process.env));
      if (problem !== undefined) logger.warn(problem.message, { cause: String(problem.cause) });
    }
    const planes = await createPlanes(args.values.runtime, {
      onProblem: (message, error) =>
        logger.child("runtime").warn(message, { error: String(error) }),
    });
    const router = await startRouter({ args, planes, logger, signal });
    logger.info("ready", router.report);
    return router;
  },
});

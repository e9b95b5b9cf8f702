// dyn-frontend: parses, joins the deployment, serves HTTP, drains on a signal.
import { createConfigDump, parseFrontendArgs, writeConfigDump } from "@dyn/args";
import { createProgramLogger } from "@dyn/logging";
import { createPlanes, runProgram } from "@dyn/runtime";
import { startFrontend } from "./start-frontend.ts";

process.exitCode = await runProgram({
  parse: () => parseFrontendArgs({ argv: process.argv.slice(2), env: process.env }),
  start: async (args, signal) => {
    const logger = createProgramLogger("frontend", args.values.process);
    const dumpTo = args.values.process.dumpConfigTo;
    if (dumpTo !== undefined) {
      const problem = writeConfigDump(dumpTo, createConfigDump(args, process.env));
      if (problem !== undefined) logger.warn(problem.message, { cause: String(problem.cause) });
    }
    const planes = await createPlanes(args.values.runtime, {
      onProblem: (message, error) =>
        logger.child("runtime").warn(message, { error: String(error) }),
    });
    const frontend = await startFrontend({ args, planes, logger });
    logger.info("listening", { url: frontend.url });
    return {
      ...frontend,
      report: { url: frontend.url },
      // A launcher asks for the models of its workers.
      until: async (what) => {
        if (typeof what !== "string") return;
        await frontend.gateway.waitForModel(what, { signal });
      },
    };
  },
});

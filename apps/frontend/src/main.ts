// dyn-frontend: parses, joins the deployment, serves HTTP, drains on a signal.
import { parseFrontendArgs } from "@dyn/args";
import { createLoggerFromEnv } from "@dyn/logging";
import { createPlanes, runProgram } from "@dyn/runtime";
import { startFrontend } from "./start-frontend.ts";

process.exitCode = await runProgram({
  parse: () => parseFrontendArgs({ argv: process.argv.slice(2), env: process.env }),
  start: async (args) => {
    const logger = createLoggerFromEnv("frontend");
    const planes = await createPlanes(args.values.runtime, {
      onProblem: (message, error) =>
        logger.child("runtime").warn(message, { error: String(error) }),
    });
    const frontend = await startFrontend({ args, planes, logger });
    logger.info("listening", { url: frontend.url });
    return frontend;
  },
});

// dyn-indexer: parses, follows engines, answers who has how much of a prompt.
import { createConfigDump, parseIndexerArgs, writeConfigDump } from "@dyn/args";
import { createProgramLogger } from "@dyn/logging";
import { runProgram } from "@dyn/runtime";
import { startIndexer } from "./start-indexer.ts";

process.exitCode = await runProgram({
  parse: () => parseIndexerArgs({ argv: process.argv.slice(2), env: process.env }),
  start: async (args, signal) => {
    const logger = createProgramLogger("indexer", args.values.process);
    const dumpTo = args.values.process.dumpConfigTo;
    if (dumpTo !== undefined) {
      const problem = writeConfigDump(dumpTo, createConfigDump(args, process.env));
      if (problem !== undefined) logger.warn(problem.message, { cause: String(problem.cause) });
    }
    const indexer = await startIndexer(args, logger, signal);
    logger.info("listening", indexer.report);
    return indexer;
  },
});

import { ArgsError } from "../args-error.ts";
import type { Command, PrintArgs, RunArgs } from "../command/command.ts";
import { defineCommand } from "../command/define-command.ts";
import { indexerOptions } from "../concerns/indexer-options.ts";
import { processOptions } from "../concerns/process-options.ts";
import { serviceSystemOptions } from "../concerns/system-options.ts";
import { type ParseOptions, parseArgs } from "../parse/parse-args.ts";
import { programVersion } from "../program-version.ts";

const concerns = {
  indexer: indexerOptions,
  system: serviceSystemOptions,
  process: processOptions,
};
export type IndexerConcerns = typeof concerns;

/** Flags, variables and help of dyn-indexer; for `parseArgs`. */
export const indexerCommand: Command<IndexerConcerns> = defineCommand({
  name: "dyn-indexer",
  summary:
    "An index of KV caches over HTTP: follows engines' event sockets, says who has how much of a prompt.",
  version: programVersion,
  concerns,
});

export type IndexerArgs = RunArgs<IndexerConcerns>;

/** Throws ArgsError. */
export function parseIndexerArgs(options: Omit<ParseOptions, "finish">): IndexerArgs | PrintArgs {
  return parseArgs(indexerCommand, {
    ...options,
    finish: (args) => {
      const { workers, blockSize } = args.values.indexer;
      if (workers.length === 0 || blockSize !== undefined) return args;
      throw new ArgsError("CONFLICT", "--workers needs --block-size: the engines' page size.", {
        flag: "--block-size",
      });
    },
  });
}

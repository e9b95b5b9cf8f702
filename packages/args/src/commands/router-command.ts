import { ArgsError } from "../args-error.ts";
import type { Command, PrintArgs, RunArgs } from "../command/command.ts";
import { defineCommand } from "../command/define-command.ts";
import { isGiven } from "../command/derive-value.ts";
import { processOptions } from "../concerns/process-options.ts";
import { routerOptions } from "../concerns/router-options.ts";
import { routerServiceOptions } from "../concerns/router-service-options.ts";
import { runtimeOptions } from "../concerns/runtime-options.ts";
import { serviceSystemOptions } from "../concerns/system-options.ts";
import { type ParseOptions, parseArgs } from "../parse/parse-args.ts";
import { programVersion } from "../program-version.ts";

const concerns = {
  service: routerServiceOptions,
  router: routerOptions,
  runtime: runtimeOptions,
  system: serviceSystemOptions,
  process: processOptions,
};
export type RouterConcerns = typeof concerns;

/** Flags, variables and help of dyn-router; for `parseArgs`. */
export const routerCommand: Command<RouterConcerns> = defineCommand({
  name: "dyn-router",
  summary:
    "A KV router as a service: takes token ids, sends them to the worker that has most of them cached.",
  version: programVersion,
  concerns,
});

export type RouterArgs = RunArgs<RouterConcerns>;

/** Throws ArgsError. */
export function parseRouterArgs(options: Omit<ParseOptions, "finish">): RouterArgs | PrintArgs {
  return parseArgs(routerCommand, {
    ...options,
    finish: (args) => {
      const { routerMode } = args.values.router;
      if (isGiven(args, "router", "routerMode") && routerMode !== "kv") {
        throw new ArgsError(
          "CONFLICT",
          `--router-mode is ${routerMode}, and dyn-router knows the mode kv alone. Leave it out.`,
          { flag: "--router-mode" },
        );
      }
      if (args.values.service.endpoint !== undefined) return args;
      throw new ArgsError(
        "MISSING_OPTION",
        "dyn-router needs --endpoint (DYN_ROUTER_ENDPOINT): the workers' endpoint, as dynamo.backend.generate.",
        { flag: "--endpoint" },
      );
    },
  });
}

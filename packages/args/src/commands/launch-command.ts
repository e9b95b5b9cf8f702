import { ArgsError } from "../args-error.ts";
import type { Command, PrintArgs, RunArgs } from "../command/command.ts";
import { builtinConcern, compileCommand, defineCommand } from "../command/define-command.ts";
import { launchOptions } from "../concerns/launch-options.ts";
import type { Environment } from "../parse/env-layer.ts";
import { type FoundFlag, findExactFlag, findFlag } from "../parse/find-flag.ts";
import { type ParseOptions, parseArgs } from "../parse/parse-args.ts";
import { type FlagUse, lookUpIn, tokenizeArgv } from "../parse/tokenize-argv.ts";
import { programVersion } from "../program-version.ts";
import { frontendCommand } from "./frontend-command.ts";
import { workerCommand } from "./worker-command.ts";

const concerns = { launch: launchOptions };
export type LaunchConcerns = typeof concerns;

/** Flags, variables and help of dyn launch; for `parseArgs`. */
export const launchCommand: Command<LaunchConcerns> = defineCommand({
  name: "dyn launch",
  summary:
    "Starts a deployment pattern in one terminal. Flags of dyn-worker and dyn-frontend are handed on to the parts that know them.",
  version: programVersion,
  concerns,
  positional: "pattern",
  configFile: "none",
});

/** A launch: the pattern, and the command lines of its parts. */
export interface LaunchArgs extends RunArgs<LaunchConcerns> {
  /** For `parseFrontendArgs`, besides what the pattern says. */
  readonly frontendArgv: readonly string[];
  /** For `parseWorkerArgs`, besides what the pattern says. */
  readonly workerArgv: readonly string[];
  /** The environment for the frontend. */
  readonly frontendEnv: Environment;
  /** The environment without the routing variables: they are meant for the frontend. */
  readonly workerEnv: Environment;
}

const parts = ["launch", "worker", "frontend"] as const;
type Part = (typeof parts)[number];

const commands: Readonly<Record<Part, Command>> = {
  launch: launchCommand as unknown as Command,
  worker: workerCommand as unknown as Command,
  frontend: frontendCommand as unknown as Command,
};

/** Splits a command line among launch, frontend and worker by who knows each flag. Throws ArgsError. */
export function parseLaunchArgs(options: Omit<ParseOptions, "finish">): LaunchArgs | PrintArgs {
  const { uses, positionals, rest } = tokenizeArgv(lookUpAnywhere, options.argv);
  const argv: Record<Part, string[]> = { launch: [...positionals], frontend: [], worker: [] };
  if (rest.length > 0) argv.launch.push("--", ...rest);
  for (const use of uses) for (const part of partsOf(use)) argv[part].push(...use.tokens);
  const parsed = parseArgs(launchCommand as unknown as Command<LaunchConcerns>, {
    ...options,
    argv: argv.launch,
  });
  if (parsed.action === "print") return parsed;
  const shared = without(options.env, [dumpVariable]);
  const dump = options.env[dumpVariable];
  return {
    ...parsed,
    notices: [
      ...parsed.notices,
      ...(dump
        ? [`${dumpVariable} has no effect here: every part would write the same file.`]
        : []),
    ],
    frontendArgv: argv.frontend,
    workerArgv: argv.worker,
    frontendEnv: shared,
    workerEnv: without(shared, routingVariables()),
  };
}

const dumpVariable = "DYN_DUMP_CONFIG_TO";

function routingVariables(): readonly string[] {
  const { specs } = compileCommand(commands.worker);
  return specs.flatMap(({ concern, meta }) =>
    concern === "router" && meta.env !== undefined ? [meta.env] : [],
  );
}

function without(env: Environment, names: readonly string[]): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}

function lookUpAnywhere(spelled: string): FoundFlag {
  const name = spelled.replace(/^--/, "");
  if (spelled.startsWith("--")) {
    for (const find of [findExactFlag, findFlag]) {
      const found = parts
        .map((part) => find(commands[part], name))
        .filter((each) => each !== undefined);
      const best = found.find((each) => each.kind === "option") ?? found[0];
      if (best !== undefined) return best;
    }
    return lookUpIn(nearestCommand(name), spelled);
  }
  const part = parts.find((each) => compileCommand(commands[each]).byShort.has(spelled.slice(1)));
  return lookUpIn(commands[part ?? "launch"], spelled);
}

/** A command for the suggestion in the error: it knows every name. */
function nearestCommand(name: string): Command {
  return name.startsWith("http") || name.startsWith("router") ? commands.frontend : commands.worker;
}

/** Options that both parts have and that only one of them should get from a launch. */
const workerOnly = new Set([
  "config",
  "modelPath",
  "toolCallParser",
  "reasoningParser",
  "chatTemplate",
  "excludeToolsWhenToolChoiceNone",
]);

function partsOf({ found, spelled }: FlagUse): readonly Part[] {
  if (found.kind === "native")
    return findExactFlag(commands.worker, found.name) === undefined ? ["frontend"] : ["worker"];
  const { concern, field } = found.spec;
  if (field === "dumpConfigTo") {
    throw new ArgsError(
      "UNSUPPORTED_FLAG",
      `${spelled} is refused: every part would write the same file; start dyn-worker and dyn-frontend by themselves to dump each.`,
      { flag: spelled },
    );
  }
  if (concern === builtinConcern && ["help", "version"].includes(field)) return ["launch"];
  if (concern === "launch") return ["launch"];
  const knows = (part: Part): boolean =>
    findExactFlag(commands[part], found.name)?.kind === "option";
  if (concern === "router") return ["frontend"];
  const knowing = (["worker", "frontend"] as const).filter(knows);
  return workerOnly.has(field) && knowing.includes("worker") ? ["worker"] : knowing;
}

// dyn: `dyn launch <pattern>` starts a deployment in one terminal.
import { ArgsError, parseLaunchArgs } from "@dyn/args";
import { createProgramLogger } from "@dyn/logging";
import { runProgram } from "@dyn/runtime/program";
import { bundledPatterns, loadPattern } from "./pattern.ts";
import { planLaunch } from "./plan-launch.ts";
import { startProcesses } from "./start-processes.ts";

const usage = `dyn: serves large language models

Usage:
  dyn launch <pattern> [flags]   start a deployment in this terminal
  dyn launch --help              its flags

Patterns: ${bundledPatterns().join(", ")}, or a YAML file.
`;

function parse(argv: readonly string[]) {
  const [command, ...rest] = argv;
  if (command === undefined || command === "help" || command === "--help" || command === "-h") {
    return { action: "print", text: usage } as const;
  }
  if (command !== "launch") {
    throw new ArgsError("UNEXPECTED_ARGUMENT", `dyn has no command "${command}".\n\n${usage}`);
  }
  const launch = parseLaunchArgs({ argv: rest, env: process.env });
  if (launch.action === "print") return launch;
  return planLaunch(launch, loadPattern(launch.values.launch.pattern));
}

process.exitCode = await runProgram({
  parse: () => parse(process.argv.slice(2)),
  start: async (plan, signal) => {
    const logger = createProgramLogger("launch", plan.processes[0]!.args.values.process);
    for (const notice of plan.notices) logger.warn(notice);
    if (!plan.isSingleProcess) return startProcesses(plan, logger, signal);
    const { startSingleProcess } = await import("./start-single-process.ts");
    return startSingleProcess(plan, logger, signal);
  },
});

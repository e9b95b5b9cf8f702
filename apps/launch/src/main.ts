// dyn: `dyn launch <pattern>` starts a deployment in one terminal.
import { ArgsError, parseLaunchArgs } from "@dyn/args";
import { createLoggerFromEnv } from "@dyn/logging";
import { runProgram } from "@dyn/runtime";
import { bundledPatterns, loadPattern } from "./pattern.ts";
import { planLaunch, startLaunch } from "./start-launch.ts";
import { startReport } from "./start-report.ts";

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
    const running = await startLaunch(plan, createLoggerFromEnv("dyn"), signal);
    process.stdout.write(startReport(running));
    return running;
  },
});

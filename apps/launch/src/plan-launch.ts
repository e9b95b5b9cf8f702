// From a pattern and a command line to the processes of a launch: each with its arguments, checked before any starts.
import {
  ArgsError,
  type Environment,
  type FrontendArgs,
  frontendCommand,
  isGiven,
  type LaunchArgs,
  type PrintArgs,
  parseFrontendArgs,
  parseWorkerArgs,
  presetToArgv,
  type WorkerArgs,
  workerCommand,
} from "@dyn/args";
import type { Pattern, PatternProcess } from "./pattern.ts";

interface PlannedPart {
  readonly name: string;
  /** For the program itself. */
  readonly argv: readonly string[];
  readonly env: Environment;
}
export interface PlannedFrontend extends PlannedPart {
  readonly program: "frontend";
  readonly args: FrontendArgs;
}
export interface PlannedWorker extends PlannedPart {
  readonly program: "worker";
  readonly args: WorkerArgs;
}
export type PlannedProcess = PlannedFrontend | PlannedWorker;

export interface LaunchPlan {
  readonly action: "run";
  readonly notices: readonly string[];
  readonly isSingleProcess: boolean;
  readonly processes: readonly PlannedProcess[];
}

/** Command line, variables, then the pattern. Throws ArgsError. */
export function planLaunch(launch: LaunchArgs, pattern: Pattern): LaunchPlan | PrintArgs {
  const processes: PlannedProcess[] = [];
  const texts: string[] = [];
  for (const part of pattern.processes) {
    const planned = planProcess(launch, part);
    if ("text" in planned) texts.push(planned.text);
    else processes.push(planned);
  }
  if (texts.length > 0) return { action: "print", text: texts.join("\n") };
  const isSingleProcess = launch.values.launch.singleProcess;
  checkDiscovery(processes, isSingleProcess);
  return { action: "run", notices: launch.notices, isSingleProcess, processes };
}

function planProcess(
  launch: LaunchArgs,
  { program, name, preset, env: patternEnv }: PatternProcess,
): PlannedProcess | PrintArgs {
  const given = program === "frontend" ? launch.frontendEnv : launch.workerEnv;
  const env = { ...patternEnv, ...given };
  if (program === "frontend") {
    const options = { argv: launch.frontendArgv, env, preset };
    const args = parseFrontendArgs(options);
    if (args.action === "print") return args;
    const argv = [...options.argv, ...presetToArgv(frontendCommand, options)];
    return { program, name, argv, env, args };
  }
  const options = { argv: launch.workerArgv, env, preset };
  const args = parseWorkerArgs(options);
  if (args.action === "print") return args;
  if (args.values.engine.nodeRank > 0) {
    throw new ArgsError(
      "CONFLICT",
      "--node-rank above 0 is a worker that serves no model, so that a launch would wait for it in vain: start it with dyn-worker.",
      { flag: "--node-rank" },
    );
  }
  const argv = [...options.argv, ...presetToArgv(workerCommand, options)];
  return { program, name, argv, env, args };
}

function checkDiscovery(processes: readonly PlannedProcess[], isSingleProcess: boolean): void {
  if (isSingleProcess) return;
  const alone = processes.find(
    ({ args }) =>
      isGiven(args, "runtime", "discoveryBackend") &&
      args.values.runtime.discoveryBackend === "mem",
  );
  if (alone === undefined) return;
  throw new ArgsError(
    "CONFLICT",
    "--discovery-backend mem works inside one process, and a launch starts several: leave it out, or add --single-process.",
    { flag: "--discovery-backend" },
  );
}

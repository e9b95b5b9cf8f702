// The life of a process: parse, start, wait for a signal, drain, exit with a code that says what happened.
import { DynError } from "@dyn/protocol";

/** A started program. */
export interface RunningProgram {
  /** Stops taking work, finishes what runs within the program's own time-outs, then ends. */
  drain(): Promise<void>;
  /** Settles when the program ends by itself; rejects when it breaks. */
  readonly ended?: Promise<void>;
}

export interface ProgramOptions<Args> {
  /** What the user asked for: a run, or a text to print. */
  readonly parse: () =>
    | { readonly action: "print"; readonly text: string }
    | (Args & { readonly action: "run" });
  /** `signal` is aborted when the user gives up while the program still starts. */
  readonly start: (
    args: Args & { readonly action: "run" },
    signal: AbortSignal,
  ) => Promise<RunningProgram>;
  readonly io?: {
    readonly stdout: (text: string) => void;
    readonly stderr: (text: string) => void;
  };
}

/** Exit codes of every dyn program. */
export const exitCodes = {
  /** Ended as asked, after draining. */
  ok: 0,
  /** Could not start, or broke while running. */
  failed: 1,
  /** The command line or configuration is wrong. */
  usage: 2,
  /** A second SIGINT or SIGTERM cut the drain short: 128 + signal number. */
  interrupted: { SIGINT: 130, SIGTERM: 143 },
} as const;

/** Runs to the end and gives the exit code. A second signal exits the process at once. */
export async function runProgram<Args>(options: ProgramOptions<Args>): Promise<number> {
  const stdout = options.io?.stdout ?? ((text) => void process.stdout.write(text));
  const stderr = options.io?.stderr ?? ((text) => void process.stderr.write(text));
  let args: ReturnType<ProgramOptions<Args>["parse"]>;
  try {
    args = options.parse();
  } catch (error) {
    stderr(`${messageOf(error)}\n`);
    return exitCodes.usage;
  }
  if (args.action === "print") {
    stdout(args.text);
    return exitCodes.ok;
  }
  const signals = watchSignals();
  try {
    const running = await options.start(args, signals.first);
    const broke = (running.ended ?? new Promise<never>(() => {})).then(() => "ended" as const);
    const signalled = signals.arrived.then(() => "signalled" as const);
    if ((await Promise.race([broke, signalled])) === "signalled") await running.drain();
    return exitCodes.ok;
  } catch (error) {
    if (signals.first.aborted) return exitCodes.ok;
    stderr(`${messageOf(error)}\n`);
    return exitCodes.failed;
  } finally {
    signals.release();
  }
}

function watchSignals() {
  const controller = new AbortController();
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const onSignal = (name: "SIGINT" | "SIGTERM") => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted[name]);
    controller.abort(new Error(`The program was asked to stop (${name}).`));
    arrive();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    first: controller.signal,
    arrived,
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

/** A user's mistake is told in its own words; a fault of ours with its stack. */
function messageOf(error: unknown): string {
  if (DynError.is(error) && error.code !== "DYN_INTERNAL") return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

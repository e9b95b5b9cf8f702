// The life of a process: parse, start, wait for a signal, drain, exit with a code that says what happened.
import { DynError } from "@dyn/protocol";

/** A started program. */
export interface RunningProgram {
  /** For a parent with an IPC channel, told once: facts of the start, as plain data. */
  readonly report?: Readonly<Record<string, unknown>>;
  /** Resolves when something is so that a parent asked for; the program knows what it may be. */
  until?(what: unknown): Promise<void>;
  /**
   * Stops taking work, finishes what runs within the program's own time-outs, then ends.
   * `complete: false`: something was cut off or handed on to others.
   */
  drain(): Promise<{ readonly complete: boolean } | undefined>;
  /** Resolves with the exit code when the program ends by itself; rejects when it breaks. */
  readonly ended?: Promise<number>;
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
  /** Ended as asked, but the time for draining ran out: requests were handed on to others or cut off. */
  incomplete: 3,
  /** A second SIGINT or SIGTERM cut the drain short: 128 + signal number. */
  interrupted: { SIGINT: 130, SIGTERM: 143 },
} as const;

/** What a program tells its parent when it is up. */
export interface ReadyMessage {
  readonly type: "ready";
  readonly report: Readonly<Record<string, unknown>>;
}

/** A parent's wish to be told when something is so. */
export interface UntilMessage {
  readonly type: "until";
  readonly what: unknown;
}
/** It is. */
export interface SoMessage {
  readonly type: "so";
  readonly what: unknown;
}

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
  // A program that waits for others with nothing open, as for a first worker, must not be taken for one that is done.
  const alive = setInterval(() => {}, 2 ** 30);
  let isStarted = false;
  try {
    const running = await options.start(args, signals.first);
    isStarted = true;
    tellParent(running);
    const ended = running.ended ?? new Promise<never>(() => {});
    const code = await Promise.race([ended, signals.arrived]);
    if (code !== undefined) return code;
    const drained = await running.drain();
    return drained?.complete === false ? exitCodes.incomplete : exitCodes.ok;
  } catch (error) {
    if (signals.first.aborted) return exitCodes.ok;
    stderr(`${messageOf(error)}\n`);
    return !isStarted && isUsersMistake(error) ? exitCodes.usage : exitCodes.failed;
  } finally {
    clearInterval(alive);
    signals.release();
  }
}

function watchSignals() {
  const controller = new AbortController();
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const stop = (why: string) => {
    controller.abort(new Error(`The program was asked to stop (${why}).`));
    arrive();
  };
  const onSignal = (name: "SIGINT" | "SIGTERM") => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted[name]);
    stop(name);
  };
  // A launcher that died cannot send signals any more: nobody would ever end what it started.
  const onParentGone = () => {
    if (!controller.signal.aborted) stop("its launcher is gone");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("disconnect", onParentGone);
  return {
    first: controller.signal,
    arrived,
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
      process.off("disconnect", onParentGone);
    },
  };
}

function tellParent(running: RunningProgram): void {
  const send = (message: ReadyMessage | SoMessage) => {
    if (process.connected) process.send?.(message);
  };
  if (!process.connected) return;
  process.on("message", (message: Partial<UntilMessage> | null) => {
    if (message?.type !== "until" || running.until === undefined) return;
    const { what } = message;
    // What never becomes so is the parent's to give up.
    running.until(what).then(
      () => send({ type: "so", what }),
      () => {},
    );
  });
  // A parent that listens must not keep the process from ending.
  process.channel?.unref();
  send({ type: "ready", report: running.report ?? {} });
}

/** Some options only show in use that they cannot be: a file that is no policy, a flag that another one forbids. */
function isUsersMistake(error: unknown): boolean {
  return DynError.is(error) && error.status === 400;
}

/** A user's mistake is told in its own words; a fault of ours with its stack. */
function messageOf(error: unknown): string {
  if (DynError.is(error) && error.code !== "DYN_INTERNAL") return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

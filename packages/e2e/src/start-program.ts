// Starts a dyn program as a user does, in a process of its own, and reads where it listens.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface StartedProgram {
  /** What the first group of the ready pattern caught. */
  readonly ready: string;
  /** Milliseconds from the start of the process until it was ready. */
  readonly startMs: number;
  readonly process: ChildProcess;
  /** Everything that it printed so far, both streams. Complete once it has ended. */
  output(): string;
  /** Its exit code, `null` when a signal ended it; its output is complete then. */
  readonly ended: Promise<number | null>;
  /** Sends the signal and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ProgramOptions {
  /** Folder below apps/. */
  readonly app: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The program is up once this is in its output. */
  readonly ready: RegExp;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** Several start at once, on a machine that may have more to do. */
const startTimeoutMs = 120_000;

/** From the sources, without a build. */
export async function startProgram(options: ProgramOptions): Promise<StartedProgram> {
  const main = `apps/${options.app}/src/main.ts`;
  return startProcess({
    command: process.execPath,
    args: ["--conditions=@dyn/source", "--import", "tsx", main, ...options.args],
    env: options.env ?? {},
    ready: options.ready,
  });
}

/** Any program, from the root of the repository. */
export async function startProcess(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly ready: RegExp;
  /** Until it must be up. Default two minutes. */
  readonly timeoutMs?: number;
}): Promise<StartedProgram> {
  const begun = performance.now();
  const child = spawn(options.command, [...options.args], {
    cwd: root,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  // `exit` comes before what was printed last.
  const ended = once(child, "close").then(([code]) => code as number | null);
  const ready = await waitForReady(child, { ...options, ended }, () => output);
  return {
    ready,
    startMs: performance.now() - begun,
    process: child,
    output: () => output,
    ended,
    stop: (signal = "SIGTERM") => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

/** `dyn launch ...` on a free port of the loopback interface; `ready` is its URL. */
export async function startLaunch(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<StartedProgram & { readonly systemUrl: string }> {
  const program = await startProgram({
    app: "launch",
    args: ["launch", ...args],
    env: { DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0", ...env },
    ready: /^ +url +(http:\S+)$/m,
  });
  // The worker's; in one process the frontend shows the engine's metrics too.
  const systemUrl = /^ +system +(http:\S+)/m.exec(program.output())?.[1] ?? program.ready;
  return { ...program, systemUrl };
}

async function waitForReady(
  child: ChildProcess,
  options: {
    readonly ready: RegExp;
    readonly timeoutMs?: number;
    readonly ended: Promise<number | null>;
  },
  output: () => string,
): Promise<string> {
  const { ready, timeoutMs = startTimeoutMs, ended } = options;
  const state = { hasEnded: false };
  const over = ended.finally(() => {
    state.hasEnded = true;
  });
  // Told below, or by whoever waits for the end.
  over.catch(() => {});
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const { hasEnded } = state;
    const caught = ready.exec(output())?.[1];
    if (caught !== undefined) return caught;
    if (hasEnded) {
      const code = (await over) ?? child.signalCode;
      throw new Error(`The program ended with ${code}:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  throw new Error(`The program was not ready within ${timeoutMs} ms:\n${output()}`);
}

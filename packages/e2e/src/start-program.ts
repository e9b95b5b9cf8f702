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
  /** Everything that it printed so far, both streams. */
  output(): string;
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
const startTimeoutMs = 60_000;

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
  /** Until it must be up. Default a minute. */
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
  const exited = once(child, "exit");
  const ready = await waitForReady(child, options, () => output);
  return {
    ready,
    startMs: performance.now() - begun,
    process: child,
    output: () => output,
    stop: async (signal = "SIGTERM") => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code] = await exited;
      return code;
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
  { ready, timeoutMs = startTimeoutMs }: { readonly ready: RegExp; readonly timeoutMs?: number },
  output: () => string,
): Promise<string> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const caught = ready.exec(output())?.[1];
    if (caught !== undefined) return caught;
    if (child.exitCode !== null)
      throw new Error(`The program ended with ${child.exitCode}:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  throw new Error(`The program was not ready within ${timeoutMs} ms:\n${output()}`);
}

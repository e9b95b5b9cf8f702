// Starts a dyn program as a user does, in a process of its own, and reads where it listens.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface StartedProgram {
  readonly url: string;
  /** Milliseconds from the start of the process to its start-up report. */
  readonly startMs: number;
  readonly process: ChildProcess;
  /** Everything that it printed so far, both streams. */
  output(): string;
  /** Sends the signal and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const startTimeoutMs = 60_000;

/** `dyn launch ...` on a free port of the loopback interface, from the sources. */
export async function startLaunch(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<StartedProgram> {
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    ["--conditions=@dyn/source", "--import", "tsx", "apps/launch/src/main.ts", "launch", ...args],
    {
      cwd: root,
      env: { ...process.env, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const exited = once(child, "exit");
  const url = await waitForUrl(child, () => output);
  return {
    url,
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

async function waitForUrl(child: ChildProcess, output: () => string): Promise<string> {
  const end = Date.now() + startTimeoutMs;
  while (Date.now() < end) {
    const url = /^ +url +(http:\S+)$/m.exec(output())?.[1];
    if (url !== undefined) return url;
    if (child.exitCode !== null)
      throw new Error(`The program ended with ${child.exitCode}:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGKILL");
  throw new Error(`The program did not report within ${startTimeoutMs} ms:\n${output()}`);
}

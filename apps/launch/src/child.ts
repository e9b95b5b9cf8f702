// One process of a launch, from its start to its end.
import { type ChildProcess, fork } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { Environment } from "@dyn/args";
import type { ReadyMessage, SoMessage, UntilMessage } from "@dyn/runtime/program";
import { LogRelay, type LogRelayOptions } from "./log-relay.ts";
import type { ProgramName } from "./pattern.ts";

export interface ChildOptions extends Omit<LogRelayOptions, "destination"> {
  readonly program: ProgramName;
  readonly argv: readonly string[];
  readonly env: Environment;
}

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Child {
  readonly name: string;
  readonly program: ProgramName;
  readonly pid: number | undefined;
  /** The facts that it told when it was up; never settles when it is not. */
  readonly ready: Promise<ReadyMessage["report"]>;
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #log: LogRelay;
  readonly #asked = new Map<string, () => void>();
  #isStopping = false;
  #isRunning = true;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.program = options.program;
    this.#log = new LogRelay(options);
    // In a session of its own: a terminal's Ctrl-C reaches us alone, and we stop the processes in order.
    const main = fileURLToPath(import.meta.resolve(`@dyn/${options.program}/main`));
    this.#process = fork(main, [...options.argv], {
      env: { ...options.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.pid = this.#process.pid;
    if (this.#process.stdout) this.#log.follow(this.#process.stdout);
    if (this.#process.stderr) this.#log.follow(this.#process.stderr);
    this.ready = new Promise((resolve) => {
      this.#process.on("message", (message: ReadyMessage | SoMessage) => {
        if (message?.type === "ready") resolve(message.report);
        if (message?.type === "so") this.#asked.get(String(message.what))?.();
      });
    });
    this.ended = new Promise((resolve) => {
      const end = (how: ChildEnd) => {
        this.#isRunning = false;
        resolve(how);
      };
      // `close` comes behind the last line of its log.
      this.#process.once("close", (code, signal) => end({ code, signal }));
      this.#process.once("error", () => end({ code: 1, signal: null }));
    });
  }

  /** Was told to. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  get lastLines(): readonly string[] {
    return this.#log.lastLines;
  }

  /** Resolves when the frontend serves the model; never when it ends before. */
  untilServes(model: string): Promise<void> {
    const message: UntilMessage = { type: "until", what: model };
    return new Promise((resolve) => {
      this.#asked.set(model, resolve);
      // One that is gone says so by `ended`.
      this.#process.send(message, () => {});
    });
  }

  /** Now. */
  kill(): void {
    if (this.#isRunning) this.#process.kill("SIGKILL");
  }

  /** Asks it to drain; `ended` says when it has. */
  stop(): Promise<ChildEnd> {
    if (!this.#isStopping && this.#isRunning) this.#process.kill("SIGTERM");
    this.#isStopping = true;
    return this.ended;
  }
}

/** What a shell would say of it: the code, or 128 and the number of the signal. */
export function exitCodeOf({ code, signal }: ChildEnd): number {
  return signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
}

export function describeEnd({ code, signal }: ChildEnd): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

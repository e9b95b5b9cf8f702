// A real nats-server of a test's own, that can be killed and started again on the same address.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { findProgram } from "./find-program.ts";
import { freePort } from "./free-port.ts";

/** Of a machine that has other work. */
const readyMs = 60_000;

export class NatsServer {
  readonly url: string;
  readonly #program: string;
  readonly #port: number;
  readonly #arguments: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(program: string, port: number, args: readonly string[]) {
    this.#program = program;
    this.#port = port;
    this.#arguments = args;
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** `args`: more of nats-server's own. `null` where it cannot be had. */
  static async start(args: readonly string[] = []): Promise<NatsServer | null> {
    const program = findProgram("nats-server", "nats-server");
    if (program === null) return null;
    const server = new NatsServer(program, await freePort(), args);
    await server.resume();
    return server;
  }

  /** Starts it again on the same address. */
  async resume(): Promise<void> {
    const address = ["--addr", "127.0.0.1", "--port", String(this.#port)];
    const child = spawn(this.#program, [...address, ...this.#arguments], { stdio: "ignore" });
    this.#process = child;
    const end = Date.now() + readyMs;
    while (Date.now() < end) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}.`);
      if (await saysHello(this.#port)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`nats-server was not ready within ${readyMs / 1000} s.`);
  }

  /** SIGKILL: it is gone at once. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    await this.kill();
  }
}

async function saysHello(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(5_000) })) as [
      Buffer,
    ];
    return chunk.toString("latin1").startsWith("INFO ");
  } catch {
    // Not listening yet.
    return false;
  } finally {
    socket.destroy();
  }
}

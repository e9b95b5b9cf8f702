// A real etcd of a test's own, that can be killed, stopped, continued and started again on the same data.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { freePort } from "./free-port.ts";

export class EtcdServer {
  readonly url: string;
  readonly #program: string;
  readonly #folder: string;
  readonly #peerPort: number;
  #process: ChildProcess | null = null;

  private constructor(program: string, port: number, peerPort: number) {
    this.#program = program;
    this.#folder = mkdtempSync(join(tmpdir(), "dyn-etcd-"));
    this.url = `http://127.0.0.1:${port}`;
    this.#peerPort = peerPort;
  }

  /** `null` where etcd cannot be had. */
  static async start(): Promise<EtcdServer | null> {
    const program = findProgram("etcd", "etcd-server");
    if (program === null) return null;
    const server = new EtcdServer(program, await freePort(), await freePort());
    await server.resume();
    return server;
  }

  /** Starts it again on the same address and data. */
  async resume(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    const args = [
      ["--data-dir", this.#folder],
      ["--listen-client-urls", this.url, "--advertise-client-urls", this.url],
      ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ["--initial-cluster", `default=${peer}`, "--unsafe-no-fsync"],
    ].flat();
    const child = spawn(this.#program, args, { stdio: "ignore" });
    this.#process = child;
    const end = Date.now() + 20_000;
    while (Date.now() < end) {
      if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}.`);
      const isHealthy = await fetch(`${this.url}/health`).then(
        (response) => response.ok,
        () => false,
      );
      if (isHealthy) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("etcd was not healthy within 20 s.");
  }

  /** SIGKILL: it is gone at once, its data stays. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null) return;
    const exited = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await exited;
  }

  /** It hangs: connections stay, answers do not come. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Deletes every key, leased or not. */
  async clear(): Promise<void> {
    // One zero byte as key and as end of the range means all keys.
    const all = Buffer.from([0]).toString("base64");
    const body = JSON.stringify({ key: all, range_end: all });
    const response = await fetch(`${this.url}/v3/kv/deleterange`, { method: "POST", body });
    if (!response.ok) throw new Error(`etcd did not delete: ${await response.text()}`);
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

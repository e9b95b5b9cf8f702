// A real etcd of a test's own, that can be killed, stopped, continued and started again on the same data.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { freePort } from "./free-port.ts";

interface EtcdPorts {
  readonly client: number;
  readonly peer: number;
  /** Plain, whatever the clients' is: where its health is asked. */
  readonly metrics: number;
}

export interface EtcdServerOptions {
  /** Clients have to speak TLS, and to show a certificate of the authority when it is named. PEM files. */
  readonly tls?: {
    readonly certFile: string;
    readonly keyFile: string;
    readonly trustedCaFile?: string;
  };
}

/** Of a machine that has other work. */
const readyMs = 60_000;

export class EtcdServer {
  readonly url: string;
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  readonly #ports: EtcdPorts;
  readonly #tls: EtcdServerOptions["tls"];
  #process: ChildProcess | null = null;

  private constructor(program: string, ports: EtcdPorts, { tls }: EtcdServerOptions) {
    this.#program = program;
    this.#folder = mkdtempSync(join(tmpdir(), "dyn-etcd-"));
    this.#ports = ports;
    this.#tls = tls;
    this.port = ports.client;
    this.url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${ports.client}`;
  }

  /** `null` where etcd cannot be had. */
  static async start(options: EtcdServerOptions = {}): Promise<EtcdServer | null> {
    const program = findProgram("etcd", "etcd-server");
    if (program === null) return null;
    const client = await freePort(3);
    const server = new EtcdServer(
      program,
      { client, peer: client + 1, metrics: client + 2 },
      options,
    );
    await server.resume();
    return server;
  }

  /** Starts it again on the same address and data. */
  async resume(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#ports.peer}`;
    const metrics = `http://127.0.0.1:${this.#ports.metrics}`;
    const args = [
      ["--data-dir", this.#folder],
      ["--listen-client-urls", this.url, "--advertise-client-urls", this.url],
      ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ["--initial-cluster", `default=${peer}`, "--unsafe-no-fsync"],
      ["--listen-metrics-urls", metrics],
      this.#tls === undefined ? [] : tlsArguments(this.#tls),
    ].flat();
    const child = spawn(this.#program, args, { stdio: "ignore" });
    this.#process = child;
    const end = Date.now() + readyMs;
    while (Date.now() < end) {
      if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}.`);
      const isHealthy = await fetch(`${metrics}/health`).then(
        (response) => response.ok,
        () => false,
      );
      // The health page can be up before the clients' address is.
      if (isHealthy && (await takesConnections(this.port))) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`etcd was not healthy within ${readyMs / 1000} s.`);
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

  /** What it stored is lost: it is to be started again as a new one on the same address. */
  wipe(): void {
    rmSync(this.#folder, { recursive: true, force: true });
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

function tlsArguments(tls: NonNullable<EtcdServerOptions["tls"]>): string[] {
  return [
    ...["--cert-file", tls.certFile, "--key-file", tls.keyFile],
    ...(tls.trustedCaFile === undefined
      ? []
      : ["--client-cert-auth", "--trusted-ca-file", tls.trustedCaFile]),
  ];
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

// Programs of ours and of real Dynamo that meet by the same planes; one per test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EtcdServer, NatsServer } from "@dyn/testing";
import { modelPath } from "@dyn/tiny-models";
import OpenAI from "openai";
import { expect } from "vitest";
import { type StartedProgram, startProgram } from "../src/start-program.ts";
import { DynamoPeer, type PeerPlanes } from "./dynamo-peer.ts";

export const peer = DynamoPeer.prepare();
export const modelDirectory = modelPath("dyn-tiny-chat");

type Environment = Readonly<Record<string, string>>;

/** Servers that a run needs, and the planes that they make possible; `null` where one cannot be had. */
export class InteropServers {
  readonly folder = mkdtempSync(join(tmpdir(), "dyn-interop-"));
  readonly etcd: EtcdServer | null;
  readonly nats: NatsServer | null;

  private constructor(etcd: EtcdServer | null, nats: NatsServer | null) {
    this.etcd = etcd;
    this.nats = nats;
  }

  static async start(): Promise<InteropServers> {
    return new InteropServers(await EtcdServer.start(), await NatsServer.start());
  }

  planes(discovery: "file" | "etcd", requests: "tcp" | "nats"): PeerPlanes | null {
    if (discovery === "etcd" && this.etcd === null) return null;
    if (requests === "nats" && this.nats === null) return null;
    const flags = ["--discovery-backend", discovery, "--request-plane", requests];
    return {
      flags,
      env: {
        ...(discovery === "file"
          ? { DYN_FILE_KV: this.folder }
          : { ETCD_ENDPOINTS: this.etcd!.url }),
        ...(requests === "nats" ? { NATS_SERVER: this.nats!.url } : {}),
      },
    };
  }

  /** What killed processes left behind must not reach the next test. */
  async clear(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    await this.etcd?.clear();
  }

  async close(): Promise<void> {
    await this.etcd?.close();
    await this.nats?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class MixedDeployment {
  readonly #planes: PeerPlanes;
  readonly #open: StartedProgram[] = [];

  constructor(planes: PeerPlanes) {
    this.#planes = planes;
  }

  async ourFrontend(...flags: string[]): Promise<OpenAI> {
    const program = this.#keep(
      await startProgram({
        app: "frontend",
        args: [...this.#planes.flags, ...flags],
        env: { ...this.#planes.env, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
        ready: /"url":"(http:[^"]+)"/,
      }),
    );
    return createClient(program.ready);
  }

  /** Serves the bundled model as `tiny`; its system server is up, and its card names local paths unless told otherwise. */
  async ourWorker(
    args: readonly string[] = [],
    env: Environment = {},
  ): Promise<StartedProgram & { readonly systemUrl: string }> {
    const program = this.#keep(
      await startProgram({
        app: "worker",
        args: [
          ...["--model-path", modelDirectory, "--served-model-name", "tiny"],
          ...this.#planes.flags,
          ...args,
        ],
        env: {
          ...this.#planes.env,
          DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: "1",
          DYN_SYSTEM_HOST: "127.0.0.1",
          DYN_SYSTEM_PORT: "0",
          DYN_SELF_HOST_METADATA: "0",
          ...env,
        },
        ready: /"model":"(tiny)"/,
      }),
    );
    const systemUrl = /system server \{"url":"(http:[^"]+)"/.exec(program.output())?.[1] ?? "";
    return { ...program, systemUrl };
  }

  /** A program of ours without a model or a port of its own to wait for. */
  async ourProgram(app: string, args: readonly string[], ready: RegExp): Promise<StartedProgram> {
    const flags = app === "indexer" ? [] : this.#planes.flags;
    const program = await startProgram({
      app,
      args: [...flags, ...args],
      env: { ...this.#planes.env, DYN_INDEXER_PORT: "0" },
      ready,
    });
    return this.#keep(program);
  }

  async theirModule(module: string, ...flags: string[]): Promise<StartedProgram> {
    return this.#keep(await peer!.startModule(this.#planes, module, ...flags));
  }

  async theirFrontend(flags: readonly string[] = [], env: Environment = {}): Promise<OpenAI> {
    const program = await peer!.startFrontend(withEnv(this.#planes, env), ...flags);
    return createClient(this.#keep(program).url);
  }

  async theirMocker(flags: readonly string[] = [], env: Environment = {}): Promise<StartedProgram> {
    const planes = withEnv(this.#planes, env);
    return this.#keep(await peer!.startMocker(planes, modelDirectory, "tiny", ...flags));
  }

  /** Kills what still runs. */
  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((program) => program.stop("SIGKILL")));
  }

  #keep<P extends StartedProgram>(program: P): P {
    this.#open.push(program);
    return program;
  }
}

function withEnv(planes: PeerPlanes, env: Environment): PeerPlanes {
  return { ...planes, env: { ...planes.env, ...env } };
}

function createClient(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
}

/** Polls the models that a frontend lists. */
export function listed(client: OpenAI) {
  return expect.poll(async () => (await client.models.list()).data.map(({ id }) => id), {
    timeout: 40_000,
  });
}

export function ask(content: string, more: object = {}) {
  return { model: "tiny", messages: [{ role: "user" as const, content }], ...more };
}

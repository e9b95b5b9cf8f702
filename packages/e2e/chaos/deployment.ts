// A frontend and workers as processes of their own, each of which can be killed, stopped and started again.
import { fileURLToPath } from "node:url";
import { FaultProxy, freePort } from "@dyn/testing";
import { fetchMetrics, readMetric } from "../src/read-metrics.ts";
import { type StartedProgram, startProcess } from "../src/start-program.ts";
import type { NetworkNamespace } from "./network-namespace.ts";

export interface DeploymentOptions {
  /** Where discovery and planes are, as variables of every process. */
  readonly env: Readonly<Record<string, string>>;
  readonly workerCount?: number;
  /** More arguments of each worker, by its index. */
  readonly workerArgs?: readonly (readonly string[])[];
  /** Connections between the processes go through proxies; not those to these ports. */
  readonly proxied?: { readonly directPorts: readonly number[] };
  /** The last worker runs there. */
  readonly namespace?: NetworkNamespace;
  /** SIGUSR2 makes a process's wall clock jump. */
  readonly hasJumpingClock?: boolean;
  readonly decodeMsPerStep?: number;
}

interface Worker {
  readonly program: StartedProgram;
  /** Of its system server. */
  readonly url: string;
  /** Where it takes requests over TCP. */
  readonly requestPort: number;
}

interface StartOptions {
  /** 0 = the frontend, then the workers. */
  readonly member: number;
  readonly ready: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  readonly namespace?: NetworkNamespace | undefined;
}

export const modelName = "tiny";
export const vocabSize = 4096;
const modelPath = "packages/tiny-models/models/dyn-tiny-chat";
/** Of a machine that is busy with the load. */
const readyTimeoutMs = 180_000;

export class Deployment {
  readonly #options: DeploymentOptions;
  readonly #httpPort: number;
  /** One for the frontend, then one for each worker. */
  readonly proxies: readonly FaultProxy[];
  readonly workers: Worker[] = [];
  /** All that were ever started, those that are gone included. */
  readonly started: { readonly name: string; readonly program: StartedProgram }[] = [];
  #frontend: StartedProgram | null = null;
  /** Of frontends that are gone. */
  #migratedBefore = 0;

  private constructor(options: DeploymentOptions, httpPort: number, proxies: FaultProxy[]) {
    this.#options = options;
    this.#httpPort = httpPort;
    this.proxies = proxies;
  }

  /** Resolves when the frontend routes to every worker. */
  static async start(options: DeploymentOptions): Promise<Deployment> {
    const { workerCount = 2, proxied } = options;
    const proxies: FaultProxy[] = [];
    if (proxied !== undefined) {
      for (let i = 0; i <= workerCount; i++) proxies.push(await FaultProxy.listen(null));
    }
    const deployment = new Deployment(options, await freePort(), proxies);
    try {
      const indices = Array.from({ length: workerCount }, (_, index) => index);
      // All of them, so that none is left behind by another that fails.
      const starts = await Promise.allSettled([
        deployment.startFrontend(),
        ...indices.map((index) => deployment.startWorker(index)),
      ]);
      for (const start of starts) if (start.status === "rejected") throw start.reason;
      await deployment.untilRouted(workerCount);
      return deployment;
    } catch (error) {
      await deployment.close();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  get frontend(): StartedProgram {
    if (this.#frontend === null) throw new Error("There is no frontend.");
    return this.#frontend;
  }

  async startFrontend(): Promise<void> {
    this.#frontend = await this.#start("frontend", ["--migration-limit", "5"], {
      member: 0,
      ready: /"url":"(http:[^"]+)"/,
    });
  }

  /** Asks it to drain, and waits for its end. */
  async stopFrontend(): Promise<void> {
    this.#migratedBefore = await this.migratedCount();
    await this.frontend.stop();
    this.#frontend = null;
  }

  async startWorker(index: number): Promise<void> {
    const args = [
      ...["--model-path", modelPath, "--served-model-name", modelName, "--engine", "mock"],
      ...["--mock-decode-ms-per-step", String(this.#options.decodeMsPerStep ?? 8)],
      ...(this.#options.workerArgs?.[index] ?? []),
    ];
    const isInside = index === (this.#options.workerCount ?? 2) - 1;
    const namespace = isInside ? this.#options.namespace : undefined;
    const requestPort = await freePort();
    const program = await this.#start("worker", args, {
      member: index + 1,
      ready: /"model":"(tiny)"/,
      env: { DYN_TCP_RPC_PORT: String(requestPort) },
      namespace,
    });
    const url = /"url":"(http:[^"]+)"/.exec(program.output())?.[1];
    if (url === undefined) throw new Error(`No system server:\n${program.output()}`);
    this.workers[index] = { program, url, requestPort };
  }

  /** Requests that went on elsewhere, since the start. */
  async migratedCount(): Promise<number> {
    if (this.#frontend === null) return this.#migratedBefore;
    const page = await fetchMetrics(this.url);
    return this.#migratedBefore + readMetricOrZero(page, "dynamo_frontend_model_migration_total");
  }

  /** The frontend answers, and knows so many instances. */
  async untilRouted(workerCount: number): Promise<void> {
    const end = Date.now() + readyTimeoutMs;
    let seen = "nothing";
    while (Date.now() < end) {
      try {
        const health = await fetch(`${this.url}/health`);
        seen = await health.text();
        const { instances = [] } = JSON.parse(seen) as { instances?: { endpoint: string }[] };
        const count = instances.filter(({ endpoint }) => endpoint === "generate").length;
        if (count === workerCount && (await this.#models()).includes(modelName)) return;
      } catch (error) {
        seen = String(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Not routed within ${readyTimeoutMs} ms: ${seen}`);
  }

  async close(): Promise<void> {
    const programs = [this.#frontend, ...this.workers.map((worker) => worker?.program)];
    await Promise.all(
      programs.map(async (program) => {
        if (program == null) return;
        program.process.kill("SIGCONT");
        await program.stop("SIGKILL");
      }),
    );
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }

  async #models(): Promise<string[]> {
    const answer = await fetch(`${this.url}/v1/models`);
    const { data } = (await answer.json()) as { data: { id: string }[] };
    return data.map(({ id }) => id);
  }

  async #start(
    app: string,
    args: readonly string[],
    { member, ready, env = {}, namespace }: StartOptions,
  ): Promise<StartedProgram> {
    const { proxied, hasJumpingClock } = this.#options;
    const preloads = [
      ...(proxied === undefined ? [] : ["lead-through-proxy.mjs"]),
      ...(hasJumpingClock === true ? ["jump-clock.mjs"] : []),
    ].flatMap((name) => ["--import", fileURLToPath(new URL(`preload/${name}`, import.meta.url))]);
    const node = [
      ...[process.execPath, "--conditions=@dyn/source", "--import", "tsx", ...preloads],
      ...[`apps/${app}/src/main.ts`, ...args],
    ];
    const [command = "", ...rest] = namespace === undefined ? node : namespace.command(node);
    const isInside = namespace !== undefined;
    const program = await startProcess({
      command,
      args: rest,
      ready,
      timeoutMs: readyTimeoutMs,
      env: {
        DYN_HTTP_HOST: "127.0.0.1",
        DYN_HTTP_PORT: String(this.#httpPort),
        DYN_SYSTEM_HOST: "127.0.0.1",
        DYN_SYSTEM_PORT: "0",
        ...this.#options.env,
        ...env,
        ...(isInside
          ? { DYN_TCP_RPC_HOST: namespace.insideHost, DYN_SYSTEM_HOST: namespace.insideHost }
          : {}),
        ...(app === "frontend" && this.#options.namespace !== undefined
          ? { DYN_TCP_RESPONSE_STREAM_HOST: this.#options.namespace.outsideHost }
          : {}),
        ...(proxied === undefined
          ? {}
          : {
              DYN_CHAOS_PROXY: String(this.proxies[member]!.port),
              DYN_CHAOS_DIRECT: proxied.directPorts.join(","),
            }),
      },
    });
    this.started.push({ name: member === 0 ? app : `${app}-${member - 1}`, program });
    return program;
  }
}

/** A counter that nothing was counted with has no line yet. */
function readMetricOrZero(page: string, name: string): number {
  return page.includes(`\n${name}{`) ? readMetric(page, name) : 0;
}

// A frontend and workers with the bundled model, as processes of their own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchMetrics } from "../src/read-metrics.ts";
import { type StartedProgram, startProcess } from "../src/start-program.ts";
import { modelName } from "./question.ts";

export interface Variant {
  readonly name: string;
  readonly frontend?: readonly string[];
  /** Arguments of each worker. */
  readonly workers: readonly (readonly string[])[];
  /** Share of hand-overs that are cut in the middle. */
  readonly cutShare?: number;
}

export interface Counts {
  /** Prompts that a prefill worker was chosen for. */
  readonly pooled: number;
  /** Prefills that failed and were done elsewhere. */
  readonly failed: number;
  readonly cuts: number;
}

const modelPath = "packages/tiny-models/models/dyn-tiny-chat";
const preload = fileURLToPath(new URL("preload/cut-hand-overs.cjs", import.meta.url));

export class Deployment implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "dyn-identity-"));
  readonly #workers: StartedProgram[] = [];
  #frontend: StartedProgram | null = null;

  /** Resolves when the frontend serves the model; with prefill workers, when it sends prompts to them. */
  static async start(variant: Variant, seed: number): Promise<Deployment> {
    const deployment = new Deployment();
    try {
      await deployment.#start(variant, seed);
      return deployment;
    } catch (error) {
      await deployment[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    if (this.#frontend === null) throw new Error("There is no frontend.");
    return this.#frontend.ready;
  }

  async counts(): Promise<Counts> {
    const page = await fetchMetrics(this.url);
    const sum = (name: string, label = "") =>
      [...page.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, "gm"))]
        .filter(([, labels]) => labels!.includes(label))
        .reduce((total, [, , value]) => total + Number(value), 0);
    const told = this.#workers.map((worker) => worker.output().match(/cut the hand-over/g) ?? []);
    return {
      pooled: sum("dyn_router_prefill_decisions_total", 'reason="pool"'),
      failed: sum("dyn_router_prefill_failures_total"),
      cuts: told.flat().length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = [...this.#workers, ...(this.#frontend === null ? [] : [this.#frontend])];
    await Promise.all(programs.map((program) => program.stop("SIGKILL")));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start({ workers, frontend = [], cutShare = 0 }: Variant, seed: number): Promise<void> {
    const model = ["--model-path", modelPath, "--served-model-name", modelName];
    const engine = ["--engine", "onnx", "--threads", "1"];
    const starts = await Promise.allSettled([
      this.#run("frontend", frontend, /"url":"(http:[^"]+)"/).then((program) => {
        this.#frontend = program;
      }),
      ...workers.map(async (args, index) => {
        const cuts = args.includes("prefill") && cutShare > 0;
        const ready = /"model":"(tiny)"/;
        const env = { DYN_CUT_SHARE: `${cutShare}`, DYN_CUT_SEED: `${seed + index}` };
        const all = [...model, ...engine, ...args];
        this.#workers.push(await this.#run("worker", all, ready, cuts ? env : undefined));
      }),
    ]);
    for (const start of starts) if (start.status === "rejected") throw start.reason;
    const hasPool = workers.some((args) => args.includes("prefill"));
    for (const end = Date.now() + 60_000; !(await this.#isReady(hasPool)); ) {
      if (Date.now() > end) throw new Error("The frontend does not route within a minute.");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #isReady(hasPool: boolean): Promise<boolean> {
    const answer = await fetch(`${this.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: modelName, prompt: "Hello", max_tokens: 1 }),
    });
    await answer.text();
    return answer.status === 200 && (!hasPool || (await this.counts()).pooled > 0);
  }

  #run(
    app: string,
    args: readonly string[],
    ready: RegExp,
    cutEnv?: Readonly<Record<string, string>>,
  ): Promise<StartedProgram> {
    return startProcess({
      command: process.execPath,
      args: [
        ...["--conditions=@dyn/source", "--import", "tsx"],
        ...(cutEnv === undefined ? [] : ["--require", preload]),
        ...[`apps/${app}/src/main.ts`, ...args],
      ],
      ready,
      env: {
        DYN_DISCOVERY_BACKEND: "file",
        DYN_FILE_KV: this.#folder,
        DYN_HTTP_HOST: "127.0.0.1",
        DYN_HTTP_PORT: "0",
        ...cutEnv,
      },
    });
  }
}

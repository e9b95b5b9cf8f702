// Frontends and mock engines of both makes, in any pairing, found through files. Build first.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelPath as bundledModelPath } from "@dyn/tiny-models";
import type { DynamoPeer, PeerPlanes } from "../../interop/dynamo-peer.ts";
import { type StartedProgram, startProcess } from "../../src/start-program.ts";

export interface Stack {
  readonly port: number;
  /** Of the frontend. */
  readonly pid: number;
  stop(): Promise<void>;
}

export type Make = "dyn" | "dynamo";

export interface BenchStacksOptions {
  readonly peer: DynamoPeer | null;
  readonly model: string;
  /** Folder; default the bundled model. */
  readonly modelPath?: string;
  /** A second model with a worker of its own: what is asked of one keeps no engine from answering the other. */
  readonly otherModel?: string;
  /** Worker processes of each model; default 1. */
  readonly workersOfModel?: number;
  /** Of our mock engine. */
  readonly decodeMsPerStep: number;
  /** Of Dynamo's mocker. */
  readonly speedupRatio: string;
  /** For our frontend's node, such as `--cpu-prof`. */
  readonly profileArgs?: readonly string[];
}

export class BenchStacks {
  readonly #options: BenchStacksOptions;

  constructor(options: BenchStacksOptions) {
    this.#options = options;
  }

  async start(
    frontendMake: Make,
    workerMake: Make,
    settings: {
      readonly frontendFlags?: readonly string[];
      readonly workerEnv?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<Stack> {
    const root = await mkdtemp(join(tmpdir(), "dyn-bench-"));
    const planes = { flags: ["--discovery-backend", "file"], env: { DYN_FILE_KV: root } };
    const { model, otherModel } = this.#options;
    const models = otherModel === undefined ? [model] : [model, otherModel];
    const workers: StartedProgram[] = [];
    const { workersOfModel = 1 } = this.#options;
    for (const name of models.flatMap((name) => Array<string>(workersOfModel).fill(name))) {
      workers.push(
        await (workerMake === "dyn"
          ? this.#startOurWorker(planes, name, settings.workerEnv ?? {})
          : this.#startMocker(planes, name)),
      );
    }
    const flags = settings.frontendFlags ?? [];
    const frontend = await (frontendMake === "dyn"
      ? this.#startOurFrontend(planes, flags)
      : this.#options.peer!.startFrontend(planes, ...flags));
    for (const name of models) await waitForModel(frontend.url, name);
    const isProfiled = (this.#options.profileArgs ?? []).length > 0 || flags.length > 0;
    return {
      port: Number(new URL(frontend.url).port),
      pid: frontend.process.pid!,
      stop: async () => {
        await frontend.stop(isProfiled ? "SIGTERM" : "SIGKILL");
        await Promise.all(workers.map((worker) => worker.stop("SIGKILL")));
        await rm(root, { recursive: true });
      },
    };
  }

  async #startOurFrontend(planes: PeerPlanes, flags: readonly string[]) {
    const profile = this.#options.profileArgs ?? [];
    const program = await startProcess({
      command: process.execPath,
      args: [...profile, "apps/frontend/dist/main.js", ...planes.flags, ...flags],
      env: { ...planes.env, DYN_HTTP_HOST: "127.0.0.1", DYN_HTTP_PORT: "0" },
      ready: /(http:\/\/127\.0\.0\.1:\d+)/,
    });
    return { ...program, url: program.ready };
  }

  #startOurWorker(
    planes: PeerPlanes,
    model: string,
    env: Readonly<Record<string, string>>,
  ): Promise<StartedProgram> {
    const { decodeMsPerStep } = this.#options;
    return startProcess({
      command: process.execPath,
      args: [
        ...["apps/worker/dist/main.js", "--model-path", this.#modelPath],
        ...["--endpoint", `dyn://bench.${model}.generate`, "--served-model-name", model],
        ...["--engine", "mock", "--max-running-requests", "4096"],
        ...["--mock-decode-ms-per-step", String(decodeMsPerStep), "--mock-page-count", "131072"],
        ...["--mock-prefill-us-per-token", "0"],
        ...planes.flags,
      ],
      env: { ...planes.env, ...env },
      ready: /(ready)/,
    });
  }

  #startMocker(planes: PeerPlanes, model: string): Promise<StartedProgram> {
    const { peer, speedupRatio } = this.#options;
    const size = ["--max-num-seqs", "4096", "--num-gpu-blocks-override", "131072"];
    const speed = ["--speedup-ratio", speedupRatio, "--endpoint", `dyn://bench.${model}.generate`];
    return peer!.startMocker(planes, this.#modelPath, model, ...speed, ...size);
  }

  get #modelPath(): string {
    return this.#options.modelPath ?? bundledModelPath("dyn-tiny-chat");
  }
}

async function waitForModel(url: string, model: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    const page = await fetch(`${url}/v1/models`).then(
      (response) => response.text(),
      () => "",
    );
    if (page.includes(`"${model}"`)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not list ${model} within 60 s.`);
}

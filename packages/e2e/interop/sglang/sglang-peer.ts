// Real SGLang 0.5.21 on the CPU, with the bundled model: its own server, and the worker that Dynamo 1.6.1 makes of it.
import { availableParallelism } from "node:os";
import { freePort } from "@dyn/testing";
import { modelPath } from "@dyn/tiny-models";
import { descendantsOf } from "../../src/process-tree.ts";
import { type StartedProgram, startProcess } from "../../src/start-program.ts";
import type { PeerPlanes } from "../dynamo-peer.ts";
import { waitForHttp } from "../wait-for-http.ts";
import { installSglang } from "./install-sglang.ts";

/** Importing takes most of it: half a minute on a quiet machine. */
export const sglangStartTimeoutMs = 400_000;
export const sglangPageSize = 16;
export const sglangPageCount = 128;

export interface SglangServer extends StartedProgram {
  readonly url: string;
}

export interface SglangWorker extends StartedProgram {
  readonly systemUrl: string;
}

export class SglangPeer {
  readonly #python: string;

  private constructor(python: string) {
    this.#python = python;
  }

  /** Installs it where it is not yet; `null` with a loud line where that is not possible, or DYN_INTEROP_SGLANG is `off`. */
  static async prepare(): Promise<SglangPeer | null> {
    try {
      if (process.env.DYN_INTEROP_SGLANG === "off") throw new Error("DYN_INTEROP_SGLANG is off");
      return new SglangPeer(await installSglang());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      console.warn(`\n*** SKIPPED: real SGLang cannot be set up here: ${reason}. ***\n`);
      return null;
    }
  }

  /** Its HTTP server, up, with so many data-parallel ranks. */
  async startServer(
    options: { readonly port: number; readonly rankCount: number },
    ...flags: string[]
  ): Promise<SglangServer> {
    const { port, rankCount } = options;
    const where = ["--host", "127.0.0.1", "--port", String(port), "--enable-cache-report"];
    const ranks = ["--dp-size", String(rankCount)];
    const url = `http://127.0.0.1:${port}`;
    const program = await this.#start("sglang.launch_server", [...where, ...ranks, ...flags], {
      // Without it there are at most as many ranks as memory nodes.
      SGLANG_CPU_OMP_THREADS_BIND: Array.from({ length: rankCount }, coreOf).join("|"),
    });
    await this.#waitFor(`${url}/health`, program);
    return { ...program, url };
  }

  /** Dynamo's worker over it, registered. */
  async startWorker(planes: PeerPlanes, ...flags: string[]): Promise<SglangWorker> {
    const [, discovery = "", , requests = ""] = planes.flags;
    const port = await freePort();
    const env = {
      ...planes.env,
      DYN_DISCOVERY_BACKEND: discovery,
      DYN_REQUEST_PLANE: requests,
      DYN_SYSTEM_PORT: String(port),
      DYN_LOG: "warn",
    };
    // A prefill worker says its own address, and SGLang binds to --host.
    const program = await this.#start("dynamo.sglang", ["--host", "0.0.0.0", ...flags], env);
    const systemUrl = `http://127.0.0.1:${port}`;
    await this.#waitFor(`${systemUrl}/health`, program);
    return { ...program, systemUrl };
  }

  async #start(
    module: string,
    flags: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<StartedProgram> {
    const model = ["--model-path", modelPath("dyn-tiny-chat"), "--served-model-name", "tiny"];
    const sizes = ["--page-size", String(sglangPageSize), "--max-running-requests", "16"];
    const pool = ["--max-total-tokens", String(sglangPageCount * sglangPageSize)];
    const program = await startProcess({
      command: this.#python,
      args: ["-m", module, ...model, ...sizes, ...pool, ...cpuFlags, ...flags],
      env: { ...cpuEnvironment, ...env },
      // HTTP says that it is up.
      ready: /(^)/,
    });
    return { ...program, stop: (signal) => stopTree(program, signal) };
  }

  async #waitFor(url: string, program: StartedProgram): Promise<void> {
    try {
      await waitForHttp(url, program, sglangStartTimeoutMs);
    } catch (error) {
      await program.stop("SIGKILL");
      throw error;
    }
  }
}

/** Each rank a core, as long as there are some. */
function coreOf(_: unknown, rank: number): number {
  return rank % availableParallelism();
}

/** Killed alone it would leave its schedulers behind. */
async function stopTree(program: StartedProgram, signal?: NodeJS.Signals): Promise<number | null> {
  const { pid } = program.process;
  const below = pid === undefined ? [] : descendantsOf(pid);
  const code = await program.stop(signal);
  for (const child of below) {
    try {
      process.kill(child, "SIGKILL");
    } catch {
      // It went with its parent.
    }
  }
  return code;
}

const cpuFlags = [
  ...["--device", "cpu", "--attention-backend", "torch_native", "--sampling-backend", "pytorch"],
  ...["--cuda-graph-backend-decode=disabled", "--cuda-graph-backend-prefill=disabled"],
  ...["--mem-fraction-static", "0.3", "--enable-metrics"],
];

const cpuEnvironment = {
  SGLANG_USE_CPU_ENGINE: "1",
  // Allocation of pages is a Triton kernel.
  TRITON_INTERPRET: "1",
  HF_HUB_OFFLINE: "1",
  OMP_NUM_THREADS: "1",
  // Records a CUDA event.
  SGLANG_DISAGG_PREFILL_EARLY_SEND_CACHED_PREFIX: "0",
  // How NIXL moves KV: sockets and shared memory.
  UCX_TLS: "tcp,self,sm",
};

/** Where ranks publish and replay: SGLang takes the next port of each address for the next rank. */
export async function kvEventsConfig(rankCount = 1) {
  const first = await freePort(2 * rankCount);
  const source = `tcp://*:${first}`;
  const replaySource = `tcp://*:${first + rankCount}`;
  const config = { publisher: "zmq", endpoint: source, replay_endpoint: replaySource };
  return { source, replaySource, flags: ["--kv-events-config", JSON.stringify(config)] };
}

// Real Dynamo 1.6.1 in a Python environment of its own: its frontend and its mocker, as peers.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "@dyn/testing";
import { type StartedProgram, startProcess } from "../src/start-program.ts";
import { waitForHttp } from "./wait-for-http.ts";

const requirements = fileURLToPath(new URL("./requirements.txt", import.meta.url));

export class DynamoPeer {
  readonly #python: string;

  private constructor(python: string) {
    this.#python = python;
  }

  /** Installs it where it is not yet; `null` with a loud line where that is not possible. */
  static prepare(): DynamoPeer | null {
    const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
    const folder = join(cache, "dyn-interop", "dynamo-1.6.1");
    const python = join(folder, "bin", "python");
    try {
      if (!existsSync(python)) {
        mkdirSync(folder, { recursive: true });
        execFileSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
      }
      const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "-r"];
      execFileSync(python, [...pip, requirements], { stdio: "inherit" });
      execFileSync(python, ["-c", "import dynamo._core"], { stdio: "inherit" });
      return new DynamoPeer(python);
    } catch (error) {
      console.warn(
        `\n*** SKIPPED: real Dynamo 1.6.1 cannot be set up here (${String(error)}). ***\n`,
      );
      return null;
    }
  }

  async startFrontend(
    planes: PeerPlanes,
    ...flags: string[]
  ): Promise<StartedProgram & { url: string }> {
    const port = await freePort();
    const program = await this.#start(
      ["-m", "dynamo.frontend", "--http-port", String(port), ...planes.flags, ...flags],
      planes,
    );
    const url = `http://127.0.0.1:${port}`;
    try {
      await waitForHttp(`${url}/health`, program);
    } catch (error) {
      await program.stop("SIGKILL");
      throw error;
    }
    return { ...program, url };
  }

  startMocker(
    planes: PeerPlanes,
    modelPath: string,
    name: string,
    ...flags: string[]
  ): Promise<StartedProgram> {
    const args = ["-m", "dynamo.mocker", "--model-path", modelPath, "--model-name", name];
    return this.#start([...args, ...planes.flags, ...flags], planes);
  }

  /** `python -m <module>`, which finds the others by variables. */
  startModule(planes: PeerPlanes, module: string, ...flags: string[]): Promise<StartedProgram> {
    const [, discovery = "", , requests = ""] = planes.flags;
    const env = { ...planes.env, DYN_DISCOVERY_BACKEND: discovery, DYN_REQUEST_PLANE: requests };
    return this.#start(["-m", module, ...flags], { ...planes, env });
  }

  /** A worker of any behaviour, by Dynamo's Python bindings. */
  startScript(planes: PeerPlanes, script: string): Promise<StartedProgram> {
    return this.#start(["-c", script], planes);
  }

  #start(args: string[], { env }: PeerPlanes): Promise<StartedProgram> {
    return startProcess({
      command: this.#python,
      args,
      env: { DYN_LOG: "warn", ...env },
      // Nothing in its output says that it is up: discovery and HTTP do.
      ready: /(^)/,
    });
  }
}

/** Flags and variables that put programs of both makes into one deployment. */
export interface PeerPlanes {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { EngineMetrics, GenerateRequest } from "@dyn/engine";
import type { Collected } from "./collect.ts";
import type { ChildOptions, ToChild } from "./onnx-engine.child.ts";

type Answer = { id: number; answer?: unknown; error?: string };

/** An engine in another process. */
export class EngineProcess implements AsyncDisposable {
  readonly bootstrapPort: number;
  readonly #child: ChildProcess;
  readonly #calls = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void }
  >();
  #id = 0;

  private constructor(child: ChildProcess, bootstrapPort: number) {
    this.#child = child;
    this.bootstrapPort = bootstrapPort;
    child.on("message", ({ id, answer, error }: Answer) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call?.resolve(answer);
      else call?.reject(new Error(error));
    });
    child.on("exit", () => {
      for (const call of this.#calls.values()) call.reject(new Error("the engine's process ended"));
    });
  }

  static async start(options: ChildOptions): Promise<EngineProcess> {
    const child = fork(join(import.meta.dirname, "onnx-engine.child.ts"), {
      execArgv: ["--conditions=@dyn/source", "--import", import.meta.resolve("tsx")],
      serialization: "advanced",
    });
    child.send({ type: "start", options } satisfies ToChild);
    const ended = once(child, "exit").then(([code, signal]) => {
      throw new Error(`The engine's process ended with ${code ?? signal} before it was ready.`);
    });
    // Later it may.
    ended.catch(() => {});
    const [ready] = (await Promise.race([once(child, "message"), ended])) as [
      { bootstrapPort: number },
    ];
    return new EngineProcess(child, ready.bootstrapPort);
  }

  generate(request: GenerateRequest): Promise<Collected[]> {
    return this.#call((id) => ({ type: "generate", id, request }));
  }

  metrics(): Promise<EngineMetrics> {
    return this.#call((id) => ({ type: "metrics", id }));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.send({ type: "close" } satisfies ToChild);
    await exited;
  }

  #call<T>(make: (id: number) => ToChild): Promise<T> {
    const id = this.#id++;
    return new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send(make(id));
    });
  }
}

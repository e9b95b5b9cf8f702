// An engine on the calling thread: right for executors that compute elsewhere or not at all.
import type { Engine, EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { EngineCommand, EngineControlState } from "../contract/engine-control.ts";
import type { GenerateOutput } from "../contract/engine-output.ts";
import type { Executor } from "../contract/executor.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import { EngineCore } from "./engine-core.ts";
import { EngineLoop } from "./engine-loop.ts";
import type { EngineOptions } from "./engine-options.ts";
import { openStream } from "./open-stream.ts";
import { drainingError, requestIdInUse } from "./refusals.ts";
import type { RequestStream } from "./request-stream.ts";
import { untilAborted } from "./until-aborted.ts";

/** The engine owns the executor from now on and closes it. */
export function createLocalEngine(executor: Executor, options: EngineOptions = {}): Engine {
  return new LocalEngine(executor, options);
}

class LocalEngine implements Engine {
  readonly info: EngineInfo;
  readonly #core: EngineCore;
  readonly #loop: EngineLoop;
  readonly #executor: Executor;
  readonly #streams = new Map<string, RequestStream>();
  #drains = 0;

  constructor(executor: Executor, options: EngineOptions) {
    this.#executor = executor;
    this.#core = new EngineCore(executor, options);
    this.#loop = new EngineLoop(this.#core);
    this.info = this.#core.info;
    this.#core.onOutputs((outputs) => {
      for (const output of outputs) this.#deliver(output);
    });
  }

  generate(
    request: GenerateRequest,
    options: { signal?: AbortSignal } = {},
  ): AsyncIterable<GenerateOutput> {
    return openStream(request, options.signal, {
      submit: (stream) => this.#submit(request, stream),
      ended: () => this.#streams.delete(request.requestId),
      abort: (message) => this.#core.abort(request.requestId, message),
    });
  }

  abort(requestId: string, message?: string): void {
    this.#core.abort(requestId, message);
  }

  abortAll(message?: string): void {
    this.#core.abortAll(message);
  }

  metrics(): EngineMetrics {
    return this.#core.metrics();
  }

  onKvEvents(listener: (batch: KvEventBatch) => void): () => void {
    return this.#core.onKvEvents(listener);
  }

  flushCache(): Promise<boolean> {
    return Promise.resolve(this.#core.flushCache());
  }

  control(command: EngineCommand): Promise<EngineControlState> {
    return this.#core.control(command);
  }

  async drain(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#drains++;
    try {
      await untilAborted(this.#loop.idle(), options.signal);
    } finally {
      this.#drains--;
    }
  }

  async close(): Promise<void> {
    this.#core.close();
    await this.#loop.idle();
    this.#core.dispose();
    await this.#executor.close();
  }

  #submit(request: GenerateRequest, stream: RequestStream): void {
    const { requestId } = request;
    if (this.#drains > 0) throw drainingError();
    if (this.#streams.has(requestId)) throw requestIdInUse(requestId);
    this.#streams.set(requestId, stream);
    try {
      this.#core.submit(request);
    } catch (error) {
      this.#streams.delete(requestId);
      throw error;
    }
    this.#loop.wake();
  }

  #deliver(output: GenerateOutput): void {
    this.#streams.get(output.requestId)?.push(output);
  }
}

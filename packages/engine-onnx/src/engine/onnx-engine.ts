import type {
  Engine,
  EngineCommand,
  EngineControlState,
  EngineInfo,
  EngineMetrics,
  GenerateOutput,
  GenerateRequest,
  KvEventBatch,
} from "@dyn/engine";

/** An engine that owns its thread: closing it ends the thread too. */
export class OnnxEngine implements Engine {
  readonly #engine: Engine;
  readonly #endThread: () => Promise<void>;
  #closing: Promise<void> | null = null;

  constructor(engine: Engine, endThread: () => Promise<void>) {
    this.#engine = engine;
    this.#endThread = endThread;
  }

  get info(): EngineInfo {
    return this.#engine.info;
  }

  generate(
    request: GenerateRequest,
    options?: { signal?: AbortSignal },
  ): AsyncIterable<GenerateOutput> {
    return this.#engine.generate(request, options);
  }

  abort(requestId: string, message?: string): void {
    this.#engine.abort(requestId, message);
  }

  abortAll(message?: string): void {
    this.#engine.abortAll(message);
  }

  metrics(): EngineMetrics {
    return this.#engine.metrics();
  }

  onKvEvents(listener: (batch: KvEventBatch) => void): () => void {
    return this.#engine.onKvEvents(listener);
  }

  flushCache(): Promise<boolean> {
    return this.#engine.flushCache();
  }

  control(command: EngineCommand): Promise<EngineControlState> {
    return this.#engine.control(command);
  }

  drain(options?: { signal?: AbortSignal }): Promise<void> {
    return this.#engine.drain(options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#engine.close();
    } finally {
      await this.#endThread();
    }
  }
}

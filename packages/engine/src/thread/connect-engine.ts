// The asking side of the channel: an Engine whose work is done on another thread. Computes nothing itself.
import { type MessagePort, Worker } from "node:worker_threads";
import { recordToError } from "@dyn/protocol";
import type { Engine, EngineInfo, EngineMetrics } from "../contract/engine.ts";
import type { EngineCommand, EngineControlState } from "../contract/engine-control.ts";
import type { GenerateOutput } from "../contract/engine-output.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import type { KvEventBatch } from "../contract/kv-event.ts";
import { ChangeSignal } from "../core/change-signal.ts";
import { openStream } from "../core/open-stream.ts";
import { closedError, drainingError, requestIdInUse, threadDied } from "../core/refusals.ts";
import type { RequestStream } from "../core/request-stream.ts";
import { untilAborted } from "../core/until-aborted.ts";
import { unflattenOutputs } from "./flat-outputs.ts";
import type { EngineReading, MessageFromEngine, MessageToEngine } from "./messages.ts";

/** A Worker or a MessagePort. Its death is heard by its events. */
export type ConnectablePort = Worker | MessagePort;

/** Resolves when the thread's engine is ready; rejects when the thread dies before. Closing the engine leaves thread and port to their owner. */
export function connectEngine(port: ConnectablePort): Promise<Engine> {
  return new Promise((resolve, reject) => {
    const engine = new ConnectedEngine(port, { ready: () => resolve(engine), died: reject });
  });
}

interface OpenRequest {
  readonly requestId: string;
  readonly promptTokens: number;
  readonly stream: RequestStream;
}

class ConnectedEngine implements Engine {
  readonly #port: ConnectablePort;
  readonly #requests = new Map<number, OpenRequest>();
  readonly #handles = new Map<string, number>();
  readonly #listeners = new Map<number, (batch: KvEventBatch) => void>();
  readonly #flushes = new Map<number, PromiseWithReject<boolean>>();
  readonly #commands = new Map<number, PromiseWithReject<EngineControlState>>();
  /** Emits when nothing is open any more. */
  readonly #idle = new ChangeSignal();
  readonly #onReady: () => void;
  readonly #onDeath: (error: unknown) => void;
  #info: EngineInfo | null = null;
  #reading: EngineReading | null = null;
  /** Requests sent to the thread. */
  #sent = 0;
  #number = 0;
  #drains = 0;
  /** Why nothing can be asked any more. */
  #gone: unknown = null;
  #closing: PromiseWithReject<void> | null = null;

  constructor(port: ConnectablePort, hooks: { ready: () => void; died: (error: unknown) => void }) {
    this.#port = port;
    this.#onReady = hooks.ready;
    this.#onDeath = hooks.died;
    port.on("message", (message: MessageFromEngine) => this.#receive(message));
    port.on("messageerror", (error) => this.#die(error));
    if (port instanceof Worker) {
      port.on("error", (error) => this.#die(error));
      port.on("exit", (code) => this.#die(new Error(`exit code ${code}`)));
    } else {
      port.on("close", () => this.#die(new Error("its channel was closed")));
    }
  }

  get info(): EngineInfo {
    return this.#info!;
  }

  generate(
    request: GenerateRequest,
    options: { signal?: AbortSignal } = {},
  ): AsyncIterable<GenerateOutput> {
    const handle = this.#number++;
    return openStream(request, options.signal, {
      submit: (stream) => this.#submit(handle, request, stream),
      abort: (message) => this.abort(request.requestId, message),
      ended: () => this.#forget(handle, request.requestId),
    });
  }

  abort(requestId: string, message?: string): void {
    this.#tell({ type: "abort", requestId, message });
  }

  abortAll(message?: string): void {
    this.#tell({ type: "abortAll", message });
  }

  /** Requests that the thread has not heard of wait, too: a thread that stands still says nothing of them. */
  metrics(): EngineMetrics {
    const { metrics, heard } = this.#reading!;
    const unheard = this.#sent - heard;
    return unheard === 0
      ? metrics
      : { ...metrics, waitingRequests: metrics.waitingRequests + unheard };
  }

  onKvEvents(listener: (batch: KvEventBatch) => void): () => void {
    const subscription = this.#number++;
    this.#listeners.set(subscription, listener);
    this.#tell({ type: "subscribe", subscription });
    return () => {
      if (this.#listeners.delete(subscription)) this.#tell({ type: "unsubscribe", subscription });
    };
  }

  flushCache(): Promise<boolean> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const call = this.#number++;
    const answer = new PromiseWithReject<boolean>();
    this.#flushes.set(call, answer);
    this.#tell({ type: "flushCache", call });
    return answer.promise;
  }

  control(command: EngineCommand): Promise<EngineControlState> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const call = this.#number++;
    const answer = new PromiseWithReject<EngineControlState>();
    this.#commands.set(call, answer);
    this.#tell({ type: "control", call, command });
    return answer.promise;
  }

  async drain(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.#drains++;
    try {
      await untilAborted(this.#untilIdle(), options.signal);
    } finally {
      this.#drains--;
    }
  }

  close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = new PromiseWithReject<void>();
      if (this.#gone !== null) this.#closing.resolve();
      else this.#tell({ type: "close" });
    }
    return this.#closing.promise;
  }

  #submit(handle: number, request: GenerateRequest, stream: RequestStream): void {
    const { requestId, tokenIds } = request;
    if (this.#gone !== null) throw this.#gone;
    if (this.#closing !== null) throw closedError();
    if (this.#drains > 0) throw drainingError();
    if (this.#handles.has(requestId)) throw requestIdInUse(requestId);
    // First, for it throws when the request cannot cross threads; answers come in a later turn.
    this.#tell({ type: "generate", handle, request });
    this.#sent++;
    this.#handles.set(requestId, handle);
    this.#requests.set(handle, { requestId, promptTokens: tokenIds.length, stream });
  }

  #forget(handle: number, requestId: string): void {
    this.#requests.delete(handle);
    if (this.#handles.get(requestId) === handle) this.#handles.delete(requestId);
    if (this.#requests.size === 0) this.#idle.emit();
  }

  #untilIdle(): Promise<void> {
    return this.#requests.size === 0 ? Promise.resolve() : this.#idle.next();
  }

  #tell(message: MessageToEngine): void {
    if (this.#gone === null) this.#port.postMessage(message);
  }

  #receive(message: MessageFromEngine): void {
    switch (message.type) {
      case "ready":
        this.#info = message.info;
        this.#reading = message.reading;
        this.#onReady();
        break;
      case "outputs":
        this.#reading = message.reading;
        unflattenOutputs(
          message.outputs,
          (handle) => this.#requests.get(handle),
          (handle, output) => this.#requests.get(handle)?.stream.push(output),
        );
        break;
      case "reading":
        this.#reading = message.reading;
        break;
      case "refused":
        this.#reading = message.reading;
        this.#requests.get(message.handle)?.stream.fail(recordToError(message.error));
        break;
      case "kvEvents":
        this.#listeners.get(message.subscription)?.(message.batch);
        break;
      case "flushed":
        this.#reading = message.reading;
        this.#flushes.get(message.call)?.resolve(message.done);
        this.#flushes.delete(message.call);
        break;
      case "controlled": {
        this.#reading = message.reading;
        const command = this.#commands.get(message.call);
        this.#commands.delete(message.call);
        if ("error" in message.answer) command?.reject(recordToError(message.answer.error));
        else command?.resolve(message.answer.state);
        break;
      }
      case "closed":
        this.#end(closedError());
        if (message.error === null) this.#closing?.resolve();
        else this.#closing?.reject(recordToError(message.error));
        break;
    }
  }

  #die(cause: unknown): void {
    if (this.#gone !== null) return;
    const error = threadDied(cause);
    this.#end(error);
    this.#onDeath(error);
    this.#closing?.resolve();
  }

  /** Nothing comes any more: every open request and call fails with this. */
  #end(error: unknown): void {
    this.#gone = error;
    for (const { stream } of [...this.#requests.values()]) stream.fail(error);
    for (const answer of this.#flushes.values()) answer.reject(error);
    this.#flushes.clear();
    for (const answer of this.#commands.values()) answer.reject(error);
    this.#commands.clear();
    this.#listeners.clear();
  }
}

class PromiseWithReject<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

// Requests between runtimes of one process: items pass by reference, pulled by the caller.
import { CancelledError, type DynError, OverloadedError, UnavailableError } from "@dyn/protocol";
import { type EndpointId, endpointPath } from "../address/endpoint-id.ts";
import type { AdmissionGate, AdmissionPlace } from "../admission/admission-gate.ts";
import { EncodedMsgpack } from "../codec/encoded-msgpack.ts";
import type { Instance } from "../discovery/record.ts";
import type { RequestContext } from "./request-context.ts";
import type { RequestObserver } from "./request-observer.ts";
import type {
  Annotated,
  CallSettings,
  RequestHandler,
  RequestPlane,
  ServedRequests,
  ServeSettings,
} from "./request-plane.ts";
import { RunningRequests } from "./running-requests.ts";
import { wrongInput } from "./wrong-input.ts";

/** The endpoints of all runtimes of one process, by path. */
export class MemEndpoints {
  readonly byPath = new Map<string, MemServedRequests>();
}

export class MemRequestPlane implements RequestPlane {
  readonly kind = "mem";
  readonly #endpoints: MemEndpoints;
  readonly #own = new Set<MemServedRequests>();

  constructor(options: { readonly endpoints: MemEndpoints }) {
    this.#endpoints = options.endpoints;
  }

  async serve(
    id: EndpointId,
    instanceId: bigint,
    handler: RequestHandler,
    { admission, input = "one", observer }: ServeSettings = {},
  ): Promise<ServedRequests> {
    const path = `${instanceId.toString(16)}/${endpointPath(id)}`;
    const served = new MemServedRequests({
      path,
      handler,
      admission: admission ?? null,
      observer: observer ?? null,
      input,
      onClose: () => {
        this.#endpoints.byPath.delete(path);
        this.#own.delete(served);
      },
    });
    this.#endpoints.byPath.set(path, served);
    this.#own.add(served);
    return served;
  }

  call(
    instance: Instance,
    request: unknown,
    context: RequestContext,
    { input = "one" }: CallSettings = {},
  ): AsyncIterable<Annotated> {
    const path = instance.transport.mem;
    const served = path === undefined ? undefined : this.#endpoints.byPath.get(path);
    if (served === undefined) {
      throw new UnavailableError(
        `Instance ${instance.instanceId.toString(16)} does not serve ${endpointPath(instance.id)} in this process.`,
        { code: "DYN_RUNTIME_CANNOT_CONNECT" },
      );
    }
    return served.run(request, context, input);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#own].map((served) => served.close()));
  }
}

interface MemServedOptions {
  readonly path: string;
  readonly handler: RequestHandler;
  readonly admission: AdmissionGate | null;
  readonly observer: RequestObserver | null;
  readonly input: "one" | "many";
  readonly onClose: () => void;
}

class MemServedRequests implements ServedRequests {
  readonly transport: Readonly<Record<string, string>>;
  readonly #options: MemServedOptions;
  readonly #running = new RunningRequests();
  #refusing = false;

  constructor(options: MemServedOptions) {
    this.transport = { mem: options.path };
    this.#options = options;
  }

  get inflightCount(): number {
    return this.#running.count;
  }

  refuse(): void {
    this.#refusing = true;
  }

  idle(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#running.idle(options.signal);
  }

  async close(): Promise<void> {
    this.#refusing = true;
    this.#options.onClose();
    this.#running.killAll();
    await this.idle();
  }

  run(request: unknown, caller: RequestContext, input: "one" | "many"): AsyncIterable<Annotated> {
    const { handler, admission, observer } = this.#options;
    if (this.#refusing) {
      throw new UnavailableError("The instance is shutting down and takes no new requests.", {
        code: "DYN_RUNTIME_ENDPOINT_DRAINING",
      });
    }
    if (input !== this.#options.input) throw wrongInput(this.#options.input);
    const place = admission?.enter();
    if (place === null) throw new OverloadedError("The worker is at capacity.", { status: 529 });
    const context = caller.createChild();
    this.#running.add(context);
    const observe = observer?.begun(context, 0);
    const over = (error: unknown, isCancelled: boolean) => {
      observe?.({ error: isCancelled ? null : error, isCancelled, sentBytes: 0 });
      place?.leave();
      context.release();
      this.#running.delete(context);
    };
    let items: AsyncIterable<Annotated>;
    try {
      items =
        place === undefined ? handler(request, context) : this.#inTurn(place, request, context);
    } catch (error) {
      // A handler that throws before it gives an iterable would count as running for ever.
      over(error, false);
      throw error;
    }
    const stream = new MemStream(items, context, caller, over);
    return { [Symbol.asyncIterator]: () => stream };
  }

  async *#inTurn(
    place: AdmissionPlace,
    request: unknown,
    context: RequestContext,
  ): AsyncGenerator<Annotated> {
    await place.turn(context.signal);
    yield* this.#options.handler(request, context);
  }
}

/** The caller's end of one request. */
class MemStream implements AsyncIterator<Annotated> {
  readonly #items: AsyncIterator<Annotated>;
  readonly #context: RequestContext;
  readonly #caller: RequestContext;
  readonly #onEnd: (error: unknown, isCancelled: boolean) => void;
  #rejectPending: ((reason: unknown) => void) | null = null;
  #ended = false;
  /** Told at the next read: a killed stream is never taken for a complete one. */
  #failure: DynError | null = null;

  constructor(
    items: AsyncIterable<Annotated>,
    context: RequestContext,
    caller: RequestContext,
    onEnd: (error: unknown, isCancelled: boolean) => void,
  ) {
    this.#items = items[Symbol.asyncIterator]();
    this.#context = context;
    this.#caller = caller;
    this.#onEnd = onEnd;
    // A handler that ignores its context must not hold the caller.
    context.killSignal.addEventListener("abort", () => this.#abandon(), { once: true });
    if (context.isKilled) this.#abandon();
  }

  next(): Promise<IteratorResult<Annotated>> {
    if (this.#ended) {
      const failure = this.#failure;
      this.#failure = null;
      if (failure !== null) return Promise.reject(failure);
      return Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => {
      this.#rejectPending = reject;
      this.#items.next().then(
        (result) => {
          this.#rejectPending = null;
          if (result.done) this.#end(null);
          resolve(result.done ? result : { done: false, value: toPlain(result.value) });
        },
        (error) => {
          this.#rejectPending = null;
          this.#end(error);
          reject(error);
        },
      );
    });
  }

  async return(): Promise<IteratorResult<Annotated>> {
    this.#context.kill();
    this.#failure = null;
    return { done: true, value: undefined };
  }

  #abandon(): void {
    if (this.#ended) return;
    this.#ended = true;
    const error = this.#caller.isKilled ? new CancelledError() : workerLeft();
    if (this.#rejectPending === null) this.#failure = error;
    else this.#rejectPending(error);
    this.#rejectPending = null;
    // The handler still counts as running until it has really ended; what it throws
    // while it is being closed adds nothing to a request that has its one end already.
    const closed = () => this.#onEnd(null, true);
    void Promise.resolve(this.#items.return?.()).then(closed, closed);
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const isCancelled = this.#context.isStopped;
    this.#context.kill();
    this.#onEnd(error, isCancelled);
  }
}

function toPlain(item: Annotated): Annotated {
  return item.data instanceof EncodedMsgpack ? { ...item, data: item.data.decode() } : item;
}

/** What a caller over a network sees of it. */
function workerLeft(): DynError {
  return new UnavailableError("The worker left before its answer was complete.", {
    code: "DYN_RUNTIME_DISCONNECTED",
  });
}

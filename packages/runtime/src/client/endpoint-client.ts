// Finds the instances of one endpoint and sends each request to one of them.
import { DynError, NotFoundError, UnavailableError } from "@dyn/protocol";
import { type EndpointId, endpointPath, formatEndpointId } from "../address/endpoint-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import type { Instance } from "../discovery/record.ts";
import { RequestContext } from "../request/request-context.ts";
import type { Annotated, RequestPlane } from "../request/request-plane.ts";
import { createPicker, type Picker, type RouterMode } from "./router-mode.ts";
import { RoutingSets } from "./routing-sets.ts";

export interface CallOptions {
  /** Aborting it kills the request. */
  readonly signal?: AbortSignal;
  /** Request id on every plane; drawn when absent. */
  readonly requestId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Pins the request to one instance, in every mode. */
  readonly instanceId?: bigint;
  /** Called with the chosen instance before the request is sent. */
  readonly onRouted?: (instance: Instance) => void;
}

export interface EndpointClientOptions {
  readonly mode?: RouterMode;
  readonly random?: () => number;
  readonly now?: () => number;
}

/** How long a failure keeps an instance out, and a refusal for load. */
const inhibitMs = 5_000;
const overloadedMs = 1_000;
const failuresOfTheInstance = new Set([
  "DYN_RUNTIME_CANNOT_CONNECT",
  "DYN_RUNTIME_DISCONNECTED",
  "DYN_RUNTIME_CONNECT_TIMEOUT",
  "DYN_RUNTIME_ENDPOINT_DRAINING",
  "DYN_ENGINE_SHUTDOWN",
]);

export class EndpointClient<Request = unknown, Item = unknown> {
  readonly id: EndpointId;
  readonly #discovery: Discovery;
  readonly #plane: RequestPlane;
  readonly #mode: RouterMode;
  readonly #picker: Picker | null;
  readonly #sets: RoutingSets;
  readonly #random: () => number;
  readonly #inflight = new Map<bigint, number>();
  readonly #end = new AbortController();
  readonly #watching: Promise<void>;
  readonly #changeWaiters = new Set<() => void>();
  #watchError: unknown = null;
  #synced = false;

  constructor(
    id: EndpointId,
    planes: { readonly discovery: Discovery; readonly requestPlane: RequestPlane },
    options: EndpointClientOptions = {},
  ) {
    this.id = id;
    this.#discovery = planes.discovery;
    this.#plane = planes.requestPlane;
    this.#mode = options.mode ?? "round-robin";
    this.#picker = this.#mode === "direct" ? null : createPicker(this.#mode);
    this.#sets = new RoutingSets(options.now ? { now: options.now } : {});
    this.#random = options.random ?? Math.random;
    this.#watching = this.#watch();
  }

  get instances(): Instance[] {
    return this.#sets.discovered;
  }

  /** Requests of this client that run at the instance. */
  inflight(instanceId: bigint): number {
    return this.#inflight.get(instanceId) ?? 0;
  }

  /** Resolves once at least `count` instances are known; rejects with the signal's reason. */
  async waitForInstances(options: {
    readonly count?: number;
    readonly signal: AbortSignal;
  }): Promise<Instance[]> {
    const { count = 1, signal } = options;
    while (this.#sets.discovered.length < count) await this.#nextChange(signal);
    return this.#sets.discovered;
  }

  /**
   * Sends one request and gives its answer. Leaving the iterable kills the request.
   * Throws NotFoundError for an unknown pinned instance, UnavailableError when nobody can take it.
   */
  async *generate(request: Request, options: CallOptions = {}): AsyncGenerator<Annotated<Item>> {
    const context = new RequestContext({
      ...(options.requestId === undefined ? {} : { id: options.requestId }),
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    });
    const kill = () => context.kill();
    options.signal?.addEventListener("abort", kill, { once: true });
    if (options.signal?.aborted) kill();
    try {
      if (!this.#synced) await this.#untilSynced(context.killSignal);
      context.killSignal.throwIfAborted();
      const instance = this.#choose(options.instanceId);
      options.onRouted?.(instance);
      yield* this.#send(instance, request, context);
    } finally {
      options.signal?.removeEventListener("abort", kill);
      context.kill();
    }
  }

  async close(): Promise<void> {
    this.#end.abort(new UnavailableError("The client was closed."));
    await this.#watching;
  }

  async *#send(
    instance: Instance,
    request: Request,
    context: RequestContext,
  ): AsyncGenerator<Annotated<Item>> {
    const { instanceId } = instance;
    this.#inflight.set(instanceId, this.inflight(instanceId) + 1);
    try {
      // The peer's schema is checked where the items are used, not per item here.
      yield* this.#plane.call(instance, request, context) as AsyncIterable<Annotated<Item>>;
    } catch (error) {
      if (DynError.is(error)) {
        if (failuresOfTheInstance.has(error.code)) this.#sets.inhibit(instanceId, inhibitMs);
        else if (error.code === "DYN_REQUEST_OVERLOADED") {
          this.#sets.markOverloaded(instanceId, overloadedMs);
        }
      }
      throw error;
    } finally {
      const left = this.inflight(instanceId) - 1;
      if (left > 0) this.#inflight.set(instanceId, left);
      else this.#inflight.delete(instanceId);
    }
  }

  #choose(pinned: bigint | undefined): Instance {
    if (pinned !== undefined) {
      const instance = this.#sets.get(pinned);
      if (instance) return instance;
      throw new NotFoundError(
        `No instance ${pinned.toString(16)} serves ${formatEndpointId(this.id)}.`,
        { code: "DYN_RUNTIME_UNKNOWN_INSTANCE" },
      );
    }
    if (this.#picker === null) {
      throw new NotFoundError("Router mode direct needs an instance id with each request.", {
        code: "DYN_RUNTIME_INSTANCE_REQUIRED",
      });
    }
    const { free } = this.#sets;
    const candidates = free.length > 0 ? free : this.#sets.routable;
    if (candidates.length === 0) {
      throw new UnavailableError(
        `No instance of ${formatEndpointId(this.id)} is ready to take the request.`,
        { code: "DYN_RUNTIME_NO_INSTANCE" },
      );
    }
    return this.#picker(candidates, {
      inflight: ({ instanceId }) => this.inflight(instanceId),
      random: this.#random,
    });
  }

  async #watch(): Promise<void> {
    const prefix = endpointPath(this.id);
    const { signal } = this.#end;
    try {
      for await (const event of this.#discovery.watch("v1/instances", { prefix, signal })) {
        if (event.type === "synced") this.#synced = true;
        else if (event.type === "delete") this.#sets.remove(instanceIdOfKey(event.key));
        else if (event.record.type === "instance") this.#sets.add(event.record.instance);
        this.#tellChange();
      }
    } catch (error) {
      this.#watchError = error;
    }
    this.#tellChange();
  }

  async #untilSynced(signal: AbortSignal): Promise<void> {
    while (!this.#synced) await this.#nextChange(signal);
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#end.signal.throwIfAborted();
    if (this.#watchError !== null) throw this.#watchError;
    await new Promise<void>((resolve, reject) => {
      const change = () => {
        signal.removeEventListener("abort", fail);
        this.#changeWaiters.delete(change);
        resolve();
      };
      const fail = () => {
        this.#changeWaiters.delete(change);
        reject(signal.reason);
      };
      this.#changeWaiters.add(change);
      signal.addEventListener("abort", fail, { once: true });
    });
  }

  #tellChange(): void {
    for (const change of [...this.#changeWaiters]) change();
  }
}

function instanceIdOfKey(key: string): bigint {
  return BigInt(`0x${key.slice(key.lastIndexOf("/") + 1)}`);
}

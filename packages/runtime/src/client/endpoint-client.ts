// Finds the instances of one endpoint and sends each request to one of them.
import { setMaxListeners } from "node:events";
import { DynError, NotFoundError, UnavailableError } from "@dyn/protocol";
import { type EndpointId, endpointPath, formatEndpointId } from "../address/endpoint-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import type { Instance } from "../discovery/record.ts";
import { LazyStream, type StreamOutcome } from "../request/answer/lazy-stream.ts";
import { RequestContext } from "../request/request-context.ts";
import { type Annotated, leaseExpired, type RequestPlane } from "../request/request-plane.ts";
import type { TraceContext } from "../request/trace-context.ts";
import type { InstanceMembers } from "./instance-members.ts";
import { createPicker, type Picker, type RouterMode } from "./router-mode.ts";
import { RoutingSets, type StayToken } from "./routing-sets.ts";
import type { SharedLoad } from "./shared-load.ts";

interface SendOptions {
  /** Aborting it kills the request. */
  readonly signal?: AbortSignal;
  /** Request id on every plane; drawn when absent. */
  readonly requestId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Travels to the handler with the request. */
  readonly trace?: TraceContext | null;
  /** Pins the request to one instance, in every mode. */
  readonly instanceId?: bigint;
  /** Instances that are taken only if there are no others. */
  readonly avoid?: ReadonlySet<bigint>;
  /** Called with the chosen instance before the request is sent. */
  readonly onRouted?: (instance: Instance) => void;
}

export interface CallOptions<Request = unknown> extends SendOptions {
  /** The request as the chosen instance is to get it; behind `onRouted`. */
  readonly prepare?: (request: Request, instance: Instance) => Request;
}

export interface EndpointClientOptions {
  readonly mode?: RouterMode;
  readonly random?: () => number;
  readonly now?: () => number;
  /**
   * How long a failure keeps an instance out while there are others; 0 = not at all. Twice as long each time that it fails
   * when it is let in again, eight times at most. Default 5 000.
   */
  readonly inhibitMs?: number;
  /** Other processes that send to the same instances: routing by load counts theirs too. */
  readonly sharedLoad?: SharedLoad;
  /** Of mode device-aware-weighted: requests that an accelerator takes while a CPU takes one. Default 8. */
  readonly cpuRatio?: number;
  /** The others of the endpoint are not there for this client. Default: all are members. */
  readonly members?: InstanceMembers;
}

const defaultInhibitMs = 5_000;
/** How long a refusal for load does. */
const overloadedMs = 1_000;
const failuresOfTheInstance = new Set([
  "DYN_RUNTIME_CANNOT_CONNECT",
  "DYN_RUNTIME_DISCONNECTED",
  "DYN_RUNTIME_CONNECT_TIMEOUT",
  "DYN_RUNTIME_ENDPOINT_DRAINING",
  "DYN_ENGINE_SHUTDOWN",
  "DYN_ENGINE_DRAINING",
  "DYN_ENGINE_CLOSED",
  "DYN_ENGINE_THREAD_DIED",
]);
const refusalsForLoad = new Set(["DYN_REQUEST_OVERLOADED", "DYN_ENGINE_QUEUE_FULL"]);

interface RunningCall {
  readonly instanceId: bigint;
  readonly stay: StayToken | undefined;
}

/** Made by `Endpoint.createClient`. It follows discovery until `close`; a request waits until discovery has told who is there. */
export class EndpointClient<Request = unknown, Item = unknown> {
  readonly id: EndpointId;
  readonly #discovery: Discovery;
  readonly #plane: RequestPlane;
  readonly #mode: RouterMode;
  readonly #picker: Picker | null;
  readonly #sets: RoutingSets;
  readonly #random: () => number;
  readonly #inhibitMs: number;
  readonly #sharedLoad: SharedLoad | null;
  readonly #cpuRatio: number | undefined;
  readonly #members: InstanceMembers | null;
  /** What discovery has; those of it that are members are in the sets. */
  readonly #known = new Map<bigint, Instance>();
  readonly #inflight = new Map<bigint, number>();
  /** Aborted when the instance's record vanishes. */
  readonly #withdrawals = new Map<bigint, AbortController>();
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
    this.#inhibitMs = options.inhibitMs ?? defaultInhibitMs;
    this.#sharedLoad = options.sharedLoad ?? null;
    this.#cpuRatio = options.cpuRatio;
    this.#members = options.members ?? null;
    this.#watching = this.#watch();
  }

  get instances(): Instance[] {
    return this.#sets.discovered;
  }

  /** Those that take a request without a pause after a failure. */
  get readyInstances(): Instance[] {
    return this.#sets.ready;
  }

  /** What is known of the instances now. */
  get sets(): Pick<RoutingSets, "discovered" | "routable" | "overloaded" | "free"> {
    return this.#sets;
  }

  /** Requests of this client that run at the instance. */
  inflight(instanceId: bigint): number {
    return this.#inflight.get(instanceId) ?? 0;
  }

  /** Resolves once discovery has told who is there; rejects with the signal's reason. */
  async synced(signal: AbortSignal = this.#end.signal): Promise<void> {
    if (!this.#synced) await this.#untilSynced(signal);
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
  generate(request: Request, options: CallOptions<Request> = {}): AsyncGenerator<Annotated<Item>> {
    const { prepare } = options;
    return this.#call(
      prepare === undefined ? () => request : (instance) => prepare(request, instance),
      options,
      "one",
    );
  }

  /**
   * As `generate`, to a bidirectional endpoint: items are read as fast as the worker takes them, and left when the answer
   * ends. An error of theirs ends the request.
   */
  exchange(
    items: AsyncIterable<Request>,
    options: SendOptions = {},
  ): AsyncGenerator<Annotated<Item>> {
    return this.#call(() => items, options, "many");
  }

  #call(
    requestFor: (instance: Instance) => Request | AsyncIterable<Request>,
    options: SendOptions,
    input: "one" | "many",
  ): AsyncGenerator<Annotated<Item>> {
    const context = new RequestContext({
      ...(options.requestId === undefined ? {} : { id: options.requestId }),
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
      trace: options.trace ?? null,
    });
    const kill = () => context.kill();
    let running: RunningCall | null = null;
    return new LazyStream<Annotated<Item>>({
      open: async () => {
        options.signal?.addEventListener("abort", kill, { once: true });
        if (options.signal?.aborted) kill();
        if (!this.#synced) await this.#untilSynced(context.killSignal);
        if (context.isKilled) throw context.reason;
        const chosen = this.#choose(options, context);
        const instance = chosen instanceof Promise ? await chosen : chosen;
        options.onRouted?.(instance);
        running = this.#begin(instance.instanceId);
        const settings = { withdrawn: this.#withdrawalOf(instance.instanceId), input };
        const request = requestFor(instance);
        const items = this.#plane.call(instance, request, context, settings);
        // The peer's schema is checked where the items are used, not per item here.
        return items[Symbol.asyncIterator]() as AsyncIterator<Annotated<Item>>;
      },
      closed: (outcome) => {
        options.signal?.removeEventListener("abort", kill);
        // A request that is complete has nobody left to tell.
        if (outcome !== "complete") context.kill();
        if (running !== null) this.#over(running, outcome);
      },
    });
  }

  async close(): Promise<void> {
    this.#end.abort(new UnavailableError("The client was closed."));
    await this.#watching;
  }

  #begin(instanceId: bigint): RunningCall {
    this.#inflight.set(instanceId, this.inflight(instanceId) + 1);
    this.#sets.tried(instanceId);
    this.#sharedLoad?.changed(instanceId, 1);
    return { instanceId, stay: this.#sets.tokenOf(instanceId) };
  }

  #over({ instanceId, stay }: RunningCall, outcome: StreamOutcome): void {
    this.#sharedLoad?.changed(instanceId, -1);
    const left = this.inflight(instanceId) - 1;
    if (left > 0) this.#inflight.set(instanceId, left);
    else this.#inflight.delete(instanceId);
    if (outcome === "complete") this.#sets.succeed(instanceId, stay);
    else if (outcome === "left") this.#sets.left(instanceId, stay);
    if (typeof outcome === "string" || !DynError.is(outcome.error)) return;
    const { code } = outcome.error;
    if (failuresOfTheInstance.has(code)) {
      this.#sets.inhibit(instanceId, this.#inhibitMs, stay);
    } else if (refusalsForLoad.has(code)) {
      this.#sets.markOverloaded(instanceId, overloadedMs, stay);
    }
  }

  #choose(
    { instanceId, avoid }: SendOptions,
    context: RequestContext,
  ): Instance | Promise<Instance> {
    if (instanceId !== undefined) return this.#pinned(instanceId);
    if (this.#picker === null) {
      throw new NotFoundError("Router mode direct needs an instance id with each request.", {
        code: "DYN_RUNTIME_INSTANCE_REQUIRED",
      });
    }
    const candidates = this.#candidates(avoid);
    if (candidates === undefined) return this.#lastResort(context.killSignal);
    return this.#picker(candidates, {
      inflight: ({ instanceId: id }) => this.inflight(id) + (this.#sharedLoad?.others(id) ?? 0),
      random: this.#random,
      ...(this.#cpuRatio === undefined ? {} : { cpuRatio: this.#cpuRatio }),
    });
  }

  /** `undefined`: all have failed. */
  #candidates(avoid: ReadonlySet<bigint> | undefined): Instance[] | undefined {
    const { free } = this.#sets;
    if (avoid === undefined && free.length > 0) return free;
    const { routable } = this.#sets;
    const others = (set: Instance[]) =>
      avoid === undefined ? set : set.filter(({ instanceId }) => !avoid.has(instanceId));
    return [others(free), others(routable), free, routable].find((set) => set.length > 0);
  }

  #pinned(instanceId: bigint): Instance {
    const instance = this.#sets.get(instanceId);
    if (instance) return instance;
    throw new NotFoundError(
      `No instance ${instanceId.toString(16)} serves ${formatEndpointId(this.id)}.`,
      { code: "DYN_RUNTIME_UNKNOWN_INSTANCE" },
    );
  }

  /** Inhibition is a preference: an instance that failed is better than none, after a pause that grows. */
  async #lastResort(signal: AbortSignal): Promise<Instance> {
    const last = this.#sets.lastResort;
    if (last !== undefined && last.waitMs > 0) await pause(last.waitMs, signal);
    const found = last && this.#sets.get(last.instance.instanceId);
    if (found !== undefined) return found;
    throw new UnavailableError(
      `No instance of ${formatEndpointId(this.id)} is ready to take the request.`,
      { code: "DYN_RUNTIME_NO_INSTANCE" },
    );
  }

  async #watch(): Promise<void> {
    const prefix = endpointPath(this.id);
    const { signal } = this.#end;
    const unfollow = this.#members?.onChange(() => this.#followMembers());
    try {
      for await (const event of this.#discovery.watch("v1/instances", { prefix, signal })) {
        if (event.type === "synced") this.#synced = true;
        else if (event.type === "delete") this.#remove(instanceIdOfKey(event.key), event.isExpired);
        else if (event.record.type === "instance") this.#add(event.record.instance);
        this.#tellChange();
      }
    } catch (error) {
      this.#watchError = error;
    }
    unfollow?.();
    this.#tellChange();
  }

  #add(instance: Instance): void {
    this.#known.set(instance.instanceId, instance);
    if (this.#isMember(instance.instanceId)) this.#sets.add(instance);
  }

  #isMember(instanceId: bigint): boolean {
    return this.#members === null || this.#members.has(instanceId);
  }

  /** Who is no member any more gets nothing new; what runs there goes on. */
  #followMembers(): void {
    for (const [instanceId, instance] of this.#known) {
      const isIn = this.#sets.get(instanceId) !== undefined;
      if (this.#isMember(instanceId) === isIn) continue;
      if (isIn) this.#sets.remove(instanceId);
      else this.#sets.add(instance);
    }
    this.#tellChange();
  }

  #remove(instanceId: bigint, isExpired: boolean): void {
    this.#known.delete(instanceId);
    this.#sets.remove(instanceId);
    this.#withdrawals.get(instanceId)?.abort(isExpired ? leaseExpired : undefined);
    this.#withdrawals.delete(instanceId);
  }

  #withdrawalOf(instanceId: bigint): AbortSignal {
    let withdrawal = this.#withdrawals.get(instanceId);
    if (withdrawal === undefined) {
      withdrawal = new AbortController();
      // One listener per running request.
      setMaxListeners(0, withdrawal.signal);
      // Chosen just before its record went: withdrawn from the start, and nothing to remember.
      if (!this.#known.has(instanceId)) withdrawal.abort();
      else this.#withdrawals.set(instanceId, withdrawal);
    }
    return withdrawal.signal;
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

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, forMs);
    signal.addEventListener("abort", done, { once: true });
  });
}

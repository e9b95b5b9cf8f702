// One process's membership in a deployment: what it serves, whom it can call.
import type { ModelCard } from "@dyn/protocol";
import { checkName, type EndpointId, parseEndpointId } from "./address/endpoint-id.ts";
import { EndpointClient, type EndpointClientOptions } from "./client/endpoint-client.ts";
import type { Discovery } from "./discovery/discovery.ts";
import {
  type Instance,
  type InstanceRecord,
  type ModelRecord,
  recordKey,
} from "./discovery/record.ts";
import type { EventPlane } from "./event/event-plane.ts";
import type {
  RequestHandler,
  RequestPlane,
  ServedRequests,
  ServeSettings,
} from "./request/request-plane.ts";

export interface Planes {
  readonly discovery: Discovery;
  readonly requestPlane: RequestPlane;
  readonly eventPlane: EventPlane;
}

/** For the word of the end to reach callers; a caller that does not read must not hold a shutdown. */
const handOverMs = 5_000;

/** Owns its planes. `drain` lets what runs finish and then closes; `close` ends it now. */
export class DistributedRuntime {
  readonly planes: Planes;
  readonly #served = new Set<ServedEndpoint>();
  #closed: Promise<void> | null = null;

  constructor(planes: Planes) {
    this.planes = planes;
  }

  /** u64 of this process in discovery. */
  get instanceId(): bigint {
    return this.planes.discovery.instanceId;
  }

  namespace(namespace: string): Namespace {
    checkName("namespace", namespace);
    return { component: (name) => this.#component(namespace, name) };
  }

  /** By address: `dyn://namespace.component.endpoint`. */
  endpoint(address: string | EndpointId): Endpoint {
    const id = typeof address === "string" ? parseEndpointId(address) : address;
    return new Endpoint(id, this.planes, this.#served);
  }

  /**
   * Takes this process out in order: records vanish; for `graceMs` (default 0) requests of callers that
   * have not heard of it are still served; then new ones are refused, running ones finish within
   * `drainTimeoutMs`. What runs still is asked to end by `onTimeout`, with five seconds for it; the rest is killed.
   * Returns whether all could finish by themselves.
   */
  async drain(options: {
    readonly drainTimeoutMs: number;
    readonly graceMs?: number;
    /** Makes what runs end, each with an error that its caller understands. */
    readonly onTimeout?: () => void;
  }): Promise<{ readonly complete: boolean }> {
    const { drainTimeoutMs, graceMs = 0, onTimeout } = options;
    const served = [...this.#served];
    await Promise.all(served.map((endpoint) => endpoint.leave()));
    if (graceMs > 0 && served.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, graceMs));
    }
    await Promise.all(served.map((endpoint) => endpoint.unregister()));
    const complete = await areIdle(served, drainTimeoutMs);
    if (!complete && onTimeout !== undefined) {
      onTimeout();
      await areIdle(served, handOverMs);
    }
    await this.close();
    return { complete };
  }

  /** Now: kills what runs. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#served].map((endpoint) => endpoint.close()));
    await this.planes.requestPlane.close();
    await this.planes.eventPlane.close();
    await this.planes.discovery.close();
  }

  #component(namespace: string, component: string): Component {
    checkName("component", component);
    return {
      endpoint: (endpoint) => {
        checkName("endpoint", endpoint);
        return this.endpoint({ namespace, component, endpoint });
      },
    };
  }
}

async function areIdle(served: readonly ServedEndpoint[], forMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(forMs);
  const ends = await Promise.allSettled(served.map((endpoint) => endpoint.idle({ signal })));
  return ends.every((end) => end.status === "fulfilled");
}

export interface Namespace {
  component(name: string): Component;
}

export interface Component {
  endpoint(name: string): Endpoint;
}

/** Made by `DistributedRuntime.endpoint`: serves requests here, or makes clients of who serves them. */
export class Endpoint {
  readonly id: EndpointId;
  readonly #planes: Planes;
  readonly #served: Set<ServedEndpoint>;

  constructor(id: EndpointId, planes: Planes, served: Set<ServedEndpoint>) {
    this.id = id;
    this.#planes = planes;
    this.#served = served;
  }

  /** Takes requests and says so in discovery. */
  async serve<Request, Item>(
    handler: RequestHandler<Request, Item>,
    settings: ServeSettings = {},
  ): Promise<ServedEndpoint> {
    const { discovery, requestPlane } = this.#planes;
    const { instanceId } = discovery;
    const requests = await requestPlane.serve(
      this.id,
      instanceId,
      handler as RequestHandler,
      settings,
    );
    const record: InstanceRecord = {
      type: "instance",
      instance: {
        id: this.id,
        instanceId,
        transport: requests.transport,
        ...(settings.deviceType === undefined ? {} : { deviceType: settings.deviceType }),
      },
    };
    await discovery.put(record);
    const served = new ServedEndpoint(record, discovery, requests, () =>
      this.#served.delete(served),
    );
    this.#served.add(served);
    return served;
  }

  /** As `serve`, for a handler whose request is what the caller sends while it is answered. */
  serveBidirectional<Request, Item>(
    handler: RequestHandler<AsyncIterable<Request>, Item>,
    settings: Omit<ServeSettings, "input"> = {},
  ): Promise<ServedEndpoint> {
    return this.serve(handler, { ...settings, input: "many" });
  }

  createClient<Request = unknown, Item = unknown>(
    options: EndpointClientOptions = {},
  ): EndpointClient<Request, Item> {
    return new EndpointClient(this.id, this.#planes, options);
  }
}

/** An endpoint that this process serves, with the models it registered for it. */
export class ServedEndpoint {
  readonly id: EndpointId;
  /** As it stands in discovery. */
  readonly instance: Instance;
  readonly #discovery: Discovery;
  readonly #requests: ServedRequests;
  readonly #record: InstanceRecord;
  readonly #instanceKey: string;
  readonly #modelKeys: string[] = [];
  readonly #onClose: () => void;
  #hasLeft = false;

  constructor(
    record: InstanceRecord,
    discovery: Discovery,
    requests: ServedRequests,
    onClose: () => void,
  ) {
    this.id = record.instance.id;
    this.instance = record.instance;
    this.#discovery = discovery;
    this.#requests = requests;
    this.#record = record;
    this.#instanceKey = recordKey(record);
    this.#onClose = onClose;
  }

  get inflightCount(): number {
    return this.#requests.inflightCount;
  }

  /** Announces a model at this endpoint; frontends list it from now on. */
  async registerModel(card: ModelCard): Promise<void> {
    const { instanceId } = this.#discovery;
    const record: ModelRecord = { type: "model", id: this.id, instanceId, card };
    this.#modelKeys.push(recordKey(record));
    await this.#discovery.put(record);
  }

  /** For a while: callers choose others; what it runs goes on, and its models stay announced. */
  async withdraw(): Promise<void> {
    await this.#discovery.delete(this.#instanceKey);
  }

  /** Ends a withdrawal; does nothing once it has left. */
  async rejoin(): Promise<void> {
    if (this.#hasLeft) return;
    await this.#discovery.put(this.#record);
    // It left while the store was asked.
    if (this.#hasLeft) await this.#discovery.delete(this.#instanceKey);
  }

  /** Out of discovery; requests that still arrive are served. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    for (const key of this.#modelKeys.splice(0)) await this.#discovery.delete(key);
    await this.#discovery.delete(this.#instanceKey);
  }

  /** Out of discovery, and new requests are refused; running ones go on. */
  async unregister(): Promise<void> {
    await this.leave();
    this.#requests.refuse();
  }

  idle(options?: { readonly signal?: AbortSignal }): Promise<void> {
    return this.#requests.idle(options);
  }

  async close(): Promise<void> {
    this.#onClose();
    await this.unregister();
    await this.#requests.close();
  }
}

import type { EndpointId } from "../address/endpoint-id.ts";
import type { AdmissionGate } from "../admission/admission-gate.ts";
import type { Instance } from "../discovery/record.ts";
import type { RequestContext } from "./request-context.ts";
import type { RequestObserver } from "./request-observer.ts";

/** One item of an answer: data, or a named event beside the data. */
export interface Annotated<T = unknown> {
  readonly data?: T;
  readonly id?: string;
  readonly event?: string;
  readonly comment?: readonly string[];
}

/**
 * Serves one request. What it throws reaches the caller as an error of the same code;
 * leaving the iterable early, or the context's stop or kill, ends it.
 */
export type RequestHandler<Request = unknown, Item = unknown> = (
  request: Request,
  context: RequestContext,
) => AsyncIterable<Annotated<Item>>;

/** An endpoint that takes requests. */
export interface ServedRequests {
  /** For the instance record. */
  readonly transport: Readonly<Record<string, string>>;
  readonly inflightCount: number;
  /** New requests are refused as unavailable from now on; running ones go on. */
  refuse(): void;
  /** Resolves when nothing runs, or rejects with the signal's reason. */
  idle(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Kills what runs. */
  close(): Promise<void>;
}

export interface ServeSettings {
  /** Bounds what runs and waits; a request beyond is refused as DYN_REQUEST_OVERLOADED. Default: no bound. */
  readonly admission?: AdmissionGate | undefined;
  /** `many`: the handler's request is an AsyncIterable of items that the caller sends meanwhile. Default one. */
  readonly input?: "one" | "many";
  /**
   * `bare`: items of an answer stand on the wire without the map that sets data apart from events, as Dynamo's queries
   * for KV events want. The handler yields `{ data }` and a caller of ours reads `{ data }` all the same.
   */
  readonly items?: "annotated" | "bare";
  /** Hears of each request that was taken. Default: nobody. */
  readonly observer?: RequestObserver | undefined;
  /** Stands in the instance's record: what it computes on, `cuda` or `cpu`. Default: it does not say. */
  readonly deviceType?: string;
}

/** Why an instance is withdrawn that did not leave by itself: nobody has kept its record alive. */
export const leaseExpired = Symbol("leaseExpired");

export interface CallSettings {
  /**
   * Aborted when the instance leaves discovery: a request that the worker has not begun to answer
   * ends as DYN_RUNTIME_DISCONNECTED, one that it answers goes on. With the reason `leaseExpired` one that it
   * answers ends too, once it has been silent for a while.
   */
  readonly withdrawn?: AbortSignal | undefined;
  /** `many`: the request is an AsyncIterable of items, read as fast as the worker takes them. Default one. */
  readonly input?: "one" | "many" | undefined;
}

/**
 * How requests reach instances.
 *
 * Invariants:
 * - the stream of one request is in order, complete or ended by an error: never cut in silence;
 * - a caller that stops reading stops the handler (back-pressure), and only that one;
 * - after the context's kill the caller's iterable ends at once.
 */
export interface RequestPlane {
  readonly kind: string;
  serve(
    id: EndpointId,
    instanceId: bigint,
    handler: RequestHandler,
    settings?: ServeSettings,
  ): Promise<ServedRequests>;
  /** Throws UnavailableError when the instance does not take it, before the first item. */
  call(
    instance: Instance,
    request: unknown,
    context: RequestContext,
    settings?: CallSettings,
  ): AsyncIterable<Annotated>;
  close(): Promise<void>;
}

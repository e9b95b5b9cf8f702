import type { ModelCard } from "@dyn/protocol";
import type { EndpointId } from "../address/endpoint-id.ts";

/** One process serving one endpoint. */
export interface Instance {
  readonly id: EndpointId;
  /** u64; one id serves all endpoints of a process. */
  readonly instanceId: bigint;
  /** How to reach it, in the terms of the request plane: `{ mem: path }`, `{ tcp: "host:port/path" }`. */
  readonly transport: Readonly<Record<string, string>>;
  /** What it computes on: `cuda`, `cpu`. Absent: it does not say. */
  readonly deviceType?: string;
}

export interface InstanceRecord {
  readonly type: "instance";
  readonly instance: Instance;
}

/** A worker's statement that it serves a model at an endpoint. */
export interface ModelRecord {
  readonly type: "model";
  readonly id: EndpointId;
  readonly instanceId: bigint;
  readonly card: ModelCard;
}

/** How a publisher is reached. */
export type EventTransport =
  | { readonly kind: "zmq"; readonly endpoint: string }
  | { readonly kind: "nats"; readonly subjectPrefix: string };

/** One publisher of one topic. */
export interface EventChannelRecord {
  readonly type: "eventChannel";
  readonly scope: EndpointId;
  readonly topic: string;
  /** Below 2^53; another number than the process's instance id. */
  readonly publisherId: bigint;
  readonly transport: EventTransport;
}

/** Whose KV state a publisher's events tell, and whom to ask for what was missed. */
export interface EventSourceRecord {
  readonly type: "eventSource";
  readonly scope: EndpointId;
  readonly topic: string;
  readonly publisherId: bigint;
  /** The endpoint whose routers own these events. */
  readonly kvStateEndpoint: EndpointId;
  readonly worker: { readonly workerId: bigint; readonly dpRank: number };
  /** The query endpoint of the worker; `null`: it keeps no index, events are live only. */
  readonly recoveryTarget: Instance | null;
}

export type DiscoveryRecord = InstanceRecord | ModelRecord | EventChannelRecord | EventSourceRecord;

export type Bucket = "v1/instances" | "v1/mdc" | "v1/event_channels" | "v1/event_sources";

const buckets: Readonly<Record<DiscoveryRecord["type"], Bucket>> = {
  instance: "v1/instances",
  model: "v1/mdc",
  eventChannel: "v1/event_channels",
  eventSource: "v1/event_sources",
};

/** Dynamo's name of the place where records of this type are kept. */
export function bucketOf(record: DiscoveryRecord): Bucket {
  return buckets[record.type];
}

export function bucketOfKey(key: string): Bucket {
  const bucket = Object.values(buckets).find((candidate) => key.startsWith(`${candidate}/`));
  if (bucket === undefined) throw new TypeError(`${key} is no key of a discovery record.`);
  return bucket;
}

/** What keys are compared with: it ends in a slash, so that `foo` does not match `foobar`. */
export function bucketPrefix(bucket: Bucket, prefix: string): string {
  const joined = prefix === "" ? bucket : `${bucket}/${prefix}`;
  return joined.endsWith("/") ? joined : `${joined}/`;
}

/**
 * `{bucket}/{ns}/{component}/{endpoint}/{instance id in lower-case hex}`, and for event records
 * `{bucket}/namespace/{ns}/component/{component}/endpoint/{endpoint}/topic/{topic}/{publisher id}` (Dynamo 1.6.1).
 */
export function recordKey(record: DiscoveryRecord): string {
  const bucket = bucketOf(record);
  if (record.type === "eventChannel" || record.type === "eventSource") {
    const { scope, topic, publisherId } = record;
    return `${bucket}/${topicPath(scope, topic)}/${publisherId.toString(16)}`;
  }
  const { id, instanceId } = record.type === "instance" ? record.instance : record;
  return `${bucket}/${id.namespace}/${id.component}/${id.endpoint}/${instanceId.toString(16)}`;
}

/** The part of an event record's key that all publishers of a topic share: a prefix to watch. */
export function topicPath(scope: EndpointId, topic: string): string {
  return `namespace/${scope.namespace}/component/${scope.component}/endpoint/${scope.endpoint}/topic/${topic}`;
}

import type { ModelCard } from "@dyn/protocol";
import type { EndpointId } from "../address/endpoint-id.ts";

/** One process serving one endpoint. */
export interface Instance {
  readonly id: EndpointId;
  /** u64; one id serves all endpoints of a process. */
  readonly instanceId: bigint;
  /** How to reach it, in the terms of the request plane: `{ mem: path }`, `{ tcp: "host:port/path" }`. */
  readonly transport: Readonly<Record<string, string>>;
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

export type DiscoveryRecord = InstanceRecord | ModelRecord;

export type Bucket = "v1/instances" | "v1/mdc";

export function bucketOf(record: DiscoveryRecord): Bucket {
  return record.type === "instance" ? "v1/instances" : "v1/mdc";
}

/** `{bucket}/{ns}/{component}/{endpoint}/{instance id in lower-case hex}` (Dynamo 1.6.1). */
export function recordKey(record: DiscoveryRecord): string {
  const { id, instanceId } = record.type === "instance" ? record.instance : record;
  return `${bucketOf(record)}/${id.namespace}/${id.component}/${id.endpoint}/${instanceId.toString(16)}`;
}

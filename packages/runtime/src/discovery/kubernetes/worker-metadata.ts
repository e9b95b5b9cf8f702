// The custom resource DynamoWorkerMetadata: all records of one process in `spec.data`, by kind and by the rest of
// their keys. It belongs to the pod, so that Kubernetes removes it with the pod.
import { z } from "zod";
import { parseJson, stringifyJson } from "../../codec/json-codec.ts";
import { type Bucket, bucketOf, type DiscoveryRecord, recordKey } from "../record.ts";
import { decodeRecord, encodeRecord } from "../record-codec.ts";
import type { PodIdentity } from "./pod-identity.ts";

export const metadataGroup = "/apis/nvidia.com/v1alpha1";
export const metadataPlural = "dynamoworkermetadatas";

const sections: Readonly<Record<Bucket, string>> = {
  "v1/instances": "endpoints",
  "v1/mdc": "model_cards",
  "v1/event_channels": "event_channels",
  "v1/event_sources": "event_sources",
};
const buckets = Object.keys(sections) as Bucket[];

const Data = z.record(z.string(), z.record(z.string(), z.looseObject({})).nullish());
const Resource = z.looseObject({ spec: z.looseObject({ data: Data }) });

/** `spec.data`; its integers of 64 bits are whole. */
export function describeRecords(
  records: Iterable<DiscoveryRecord>,
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  // Every section is there even when empty: the reference's reader wants them.
  const data: Record<string, Record<string, unknown>> = {};
  for (const bucket of buckets) data[sections[bucket]] = {};
  for (const record of records) {
    const bucket = bucketOf(record);
    const { key, value } = encodeRecord(record);
    data[sections[bucket]]![key.slice(bucket.length + 1)] = parseJson(value);
  }
  return data;
}

/** JSON for a server-side apply. */
export function encodeWorkerMetadata(pod: PodIdentity, records: Iterable<DiscoveryRecord>): string {
  return stringifyJson({
    apiVersion: "nvidia.com/v1alpha1",
    kind: "DynamoWorkerMetadata",
    metadata: {
      name: pod.resourceName,
      namespace: pod.namespace,
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Pod",
          name: pod.podName,
          uid: pod.podUid,
          controller: false,
          blockOwnerDeletion: false,
        },
      ],
    },
    spec: { data: describeRecords(records) },
  });
}

export interface HeldRecord {
  readonly key: string;
  readonly record: DiscoveryRecord;
  /** Equal texts are equal records. */
  readonly text: string;
}

/**
 * The records of a resource; one that cannot be read is told and left out.
 * `null` when the resource as a whole says nothing, as between two writes of others.
 */
export function decodeWorkerMetadata(
  resource: unknown,
  onProblem: (message: string, error: unknown) => void,
): HeldRecord[] | null {
  const parsed = Resource.safeParse(resource);
  if (!parsed.success) return null;
  const { data } = parsed.data.spec;
  return buckets.flatMap((bucket) =>
    Object.entries(data[sections[bucket]] ?? {}).flatMap(([rest, value]) => {
      const text = stringifyJson(withExactId(bucket, rest, value));
      try {
        const record = decodeRecord(bucket, { key: `${bucket}/${rest}`, value: text });
        return [{ key: recordKey(record), record, text }];
      } catch (error) {
        onProblem(`A record of Kubernetes cannot be used: ${bucket}/${rest}.`, error);
        return [];
      }
    }),
  );
}

/** The API server keeps integers of 63 bits and rounds longer ones; the key has all of them. */
function withExactId(bucket: Bucket, rest: string, value: object): object {
  const id = rest.split("/")[3];
  const isNamed = bucket === "v1/instances" || bucket === "v1/mdc";
  if (!isNamed || id === undefined || !/^[0-9a-f]{1,16}$/.test(id)) return value;
  return { ...value, instance_id: BigInt(`0x${id}`) };
}

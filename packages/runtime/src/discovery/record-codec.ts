// Discovery records as Dynamo 1.6.1 stores them: JSON values under slash-separated keys.
import { cardToWire, InvalidArgumentError, type ModelCard, wireToCard } from "@dyn/protocol";
import { z } from "zod";
import { formatEndpointId } from "../address/endpoint-id.ts";
import { parseJson, stringifyJson } from "../codec/json-codec.ts";
import { type Bucket, bucketOf, type DiscoveryRecord, type Instance, recordKey } from "./record.ts";

const u64 = z.union([z.number().int().nonnegative(), z.bigint().nonnegative()]).transform(BigInt);

const EndpointValue = z.looseObject({
  type: z.literal("Endpoint"),
  component: z.string(),
  endpoint: z.string(),
  namespace: z.string(),
  instance_id: u64,
  transport: z.record(z.string(), z.string()),
  request_plane_codec: z.enum(["json", "msgpack"]).optional(),
});

const ModelValue = z.looseObject({
  type: z.literal("Model"),
  namespace: z.string(),
  component: z.string(),
  endpoint: z.string(),
  instance_id: u64,
  card_json: z.unknown(),
});

export interface StoredRecord {
  readonly key: string;
  /** Compact JSON. */
  readonly value: string;
}

export function encodeRecord(record: DiscoveryRecord): StoredRecord {
  return { key: recordKey(record), value: stringifyJson(recordToValue(record)) };
}

function recordToValue(record: DiscoveryRecord): Record<string, unknown> {
  if (record.type === "instance") {
    const { id, instanceId, transport } = record.instance;
    const { codec, ...addresses } = transport;
    return {
      type: "Endpoint",
      component: id.component,
      endpoint: id.endpoint,
      namespace: id.namespace,
      instance_id: instanceId,
      transport: addresses,
      ...(codec === undefined ? {} : { request_plane_codec: codec }),
    };
  }
  const { id, instanceId, card } = record;
  return {
    type: "Model",
    namespace: id.namespace,
    component: id.component,
    endpoint: id.endpoint,
    instance_id: instanceId,
    card_json: cardToWire(card),
  };
}

/** Throws an InvalidArgumentError that names key and field: what others wrote may be anything. */
export function decodeRecord(bucket: Bucket, stored: StoredRecord): DiscoveryRecord {
  let value: unknown;
  try {
    value = parseJson(stored.value);
  } catch (cause) {
    throw invalid(stored.key, "is not JSON", cause);
  }
  const record =
    bucket === "v1/instances" ? readInstance(stored.key, value) : readModel(stored.key, value);
  if (bucketOf(record) !== bucket) throw invalid(stored.key, `holds a ${record.type}`);
  return record;
}

function readInstance(key: string, value: unknown): DiscoveryRecord {
  const parsed = EndpointValue.safeParse(value);
  if (!parsed.success) throw invalid(key, z.prettifyError(parsed.error));
  const { namespace, component, endpoint, instance_id, transport, request_plane_codec } =
    parsed.data;
  const instance: Instance = {
    id: { namespace, component, endpoint },
    instanceId: instance_id,
    transport: {
      ...transport,
      ...(request_plane_codec === undefined ? {} : { codec: request_plane_codec }),
    },
  };
  return { type: "instance", instance };
}

function readModel(key: string, value: unknown): DiscoveryRecord {
  const parsed = ModelValue.safeParse(value);
  if (!parsed.success) throw invalid(key, z.prettifyError(parsed.error));
  const { namespace, component, endpoint, instance_id, card_json } = parsed.data;
  const id = { namespace, component, endpoint };
  let card: ModelCard;
  try {
    card = wireToCard(card_json, {
      endpoint: formatEndpointId(id),
      createdSeconds: Math.floor(Date.now() / 1000),
    });
  } catch (cause) {
    throw invalid(key, cause instanceof Error ? cause.message : String(cause), cause);
  }
  return { type: "model", id, instanceId: instance_id, card };
}

function invalid(key: string, what: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`The discovery record ${key}: ${what}`, {
    code: "DYN_DISCOVERY_BAD_RECORD",
    cause,
  });
}

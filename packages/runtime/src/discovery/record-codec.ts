// Discovery records as Dynamo 1.6.1 stores them: JSON values under slash-separated keys.
import { cardToWire, InvalidArgumentError, type ModelCard, wireToCard } from "@dyn/protocol";
import { z } from "zod";
import { formatEndpointId } from "../address/endpoint-id.ts";
import { parseJson, stringifyJson } from "../codec/json-codec.ts";
import { EventChannelValue, EventSourceValue, eventRecordToValue } from "./event-record-codec.ts";
import { InstanceValue, instanceToValue, u64, valueToInstance } from "./instance-value.ts";
import { type Bucket, type DiscoveryRecord, recordKey } from "./record.ts";

const EndpointValue = InstanceValue.extend({ type: z.literal("Endpoint") });

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

/** The value as it is stored; 64-bit numbers are bigints. */
function recordToValue(record: DiscoveryRecord): Record<string, unknown> {
  if (record.type === "instance") {
    return { type: "Endpoint", ...instanceToValue(record.instance) };
  }
  if (record.type !== "model") return eventRecordToValue(record);
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
  switch (bucket) {
    case "v1/instances":
      return {
        type: "instance",
        instance: valueToInstance(read(stored.key, EndpointValue, value)),
      };
    case "v1/mdc":
      return readModel(stored.key, value);
    case "v1/event_channels":
      return read(stored.key, EventChannelValue, value);
    case "v1/event_sources":
      return read(stored.key, EventSourceValue, value);
  }
}

function read<Schema extends z.ZodType>(
  key: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(key, z.prettifyError(parsed.error));
  return parsed.data;
}

function readModel(key: string, value: unknown): DiscoveryRecord {
  const { namespace, component, endpoint, instance_id, card_json } = read(key, ModelValue, value);
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

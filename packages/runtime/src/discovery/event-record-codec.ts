// Event records as Dynamo 1.6.1 stores them. Inside scopes the endpoint's name is `name`, elsewhere `endpoint`.
import { z } from "zod";
import type { EndpointId } from "../address/endpoint-id.ts";
import { InstanceValue, instanceToValue, u64, valueToInstance } from "./instance-value.ts";
import type { EventChannelRecord, EventSourceRecord, EventTransport } from "./record.ts";

const EndpointName = z
  .looseObject({ namespace: z.string(), component: z.string(), name: z.string() })
  .transform(
    ({ namespace, component, name }): EndpointId => ({ namespace, component, endpoint: name }),
  );

const Scope = z
  .looseObject({ kind: z.literal("endpoint"), endpoint: EndpointName })
  .transform(({ endpoint }) => endpoint);

const Transport = z
  .discriminatedUnion("kind", [
    z.looseObject({
      kind: z.literal("Zmq"),
      config: z.looseObject({ endpoint: z.string() }),
    }),
    z.looseObject({
      kind: z.literal("Nats"),
      config: z.looseObject({ subject_prefix: z.string() }),
    }),
  ])
  .transform(
    (transport): EventTransport =>
      transport.kind === "Zmq"
        ? { kind: "zmq", endpoint: transport.config.endpoint }
        : { kind: "nats", subjectPrefix: transport.config.subject_prefix },
  );

export const EventChannelValue = z
  .looseObject({
    type: z.literal("EventChannel"),
    scope: Scope,
    topic: z.string(),
    instance_id: u64,
    transport: Transport,
  })
  .transform(
    ({ scope, topic, instance_id, transport }): EventChannelRecord => ({
      type: "eventChannel",
      scope,
      topic,
      publisherId: instance_id,
      transport,
    }),
  );

export const EventSourceValue = z
  .looseObject({
    type: z.literal("EventSource"),
    scope: Scope,
    topic: z.string(),
    publisher_id: u64,
    metadata: z.looseObject({
      kv_state_endpoint: EndpointName,
      worker: z.looseObject({ worker_id: u64, dp_rank: z.number().int().nonnegative() }),
      recovery_target: InstanceValue.nullish(),
    }),
  })
  .transform(({ scope, topic, publisher_id, metadata }): EventSourceRecord => {
    const { kv_state_endpoint, worker, recovery_target } = metadata;
    return {
      type: "eventSource",
      scope,
      topic,
      publisherId: publisher_id,
      kvStateEndpoint: kv_state_endpoint,
      worker: { workerId: worker.worker_id, dpRank: worker.dp_rank },
      recoveryTarget: recovery_target == null ? null : valueToInstance(recovery_target),
    };
  });

export function eventRecordToValue(
  record: EventChannelRecord | EventSourceRecord,
): Record<string, unknown> {
  const scope = { kind: "endpoint", endpoint: endpointName(record.scope) };
  const { topic, publisherId } = record;
  if (record.type === "eventChannel") {
    const transport = transportToValue(record.transport);
    return { type: "EventChannel", scope, topic, instance_id: publisherId, transport };
  }
  return {
    type: "EventSource",
    scope,
    topic,
    publisher_id: publisherId,
    metadata: {
      kv_state_endpoint: endpointName(record.kvStateEndpoint),
      worker: { worker_id: record.worker.workerId, dp_rank: record.worker.dpRank },
      publisher_id: publisherId,
      ...(record.recoveryTarget === null
        ? {}
        : { recovery_target: instanceToValue(record.recoveryTarget) }),
    },
  };
}

function transportToValue(transport: EventTransport): Record<string, unknown> {
  return transport.kind === "zmq"
    ? { kind: "Zmq", config: { endpoint: transport.endpoint } }
    : { kind: "Nats", config: { subject_prefix: transport.subjectPrefix } };
}

function endpointName(id: EndpointId): Record<string, string> {
  return { namespace: id.namespace, component: id.component, name: id.endpoint };
}

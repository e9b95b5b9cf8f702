// An instance as it stands in records: alone, and as the recovery target of an event source (Dynamo 1.6.1).
import { z } from "zod";
import type { Instance } from "./record.ts";

export const u64 = z
  .union([z.number().int().nonnegative(), z.bigint().nonnegative()])
  .transform(BigInt);

export const InstanceValue = z.looseObject({
  component: z.string(),
  endpoint: z.string(),
  namespace: z.string(),
  instance_id: u64,
  transport: z.record(z.string(), z.string()),
  request_plane_codec: z.enum(["json", "msgpack"]).optional(),
});

export function instanceToValue(instance: Instance): Record<string, unknown> {
  const { id, instanceId, transport } = instance;
  const { codec, ...addresses } = transport;
  return {
    component: id.component,
    endpoint: id.endpoint,
    namespace: id.namespace,
    instance_id: instanceId,
    transport: addresses,
    ...(codec === undefined ? {} : { request_plane_codec: codec }),
  };
}

export function valueToInstance(value: z.output<typeof InstanceValue>): Instance {
  const { namespace, component, endpoint, instance_id, transport, request_plane_codec } = value;
  return {
    id: { namespace, component, endpoint },
    instanceId: instance_id,
    transport: {
      ...transport,
      ...(request_plane_codec === undefined ? {} : { codec: request_plane_codec }),
    },
  };
}

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
  device_type: z.string().optional().catch(undefined),
  request_plane_codec: z.enum(["json", "msgpack"]).optional(),
  // Ours: answers can come over one shared connection, up to this version. The reference passes it over.
  dyn_response_mux: z.number().int().optional().catch(undefined),
});

export function instanceToValue(instance: Instance): Record<string, unknown> {
  const { id, instanceId, transport, deviceType } = instance;
  const { codec, responseMux, ...addresses } = transport;
  return {
    component: id.component,
    endpoint: id.endpoint,
    namespace: id.namespace,
    instance_id: instanceId,
    transport: addresses,
    ...(deviceType === undefined ? {} : { device_type: deviceType }),
    ...(codec === undefined ? {} : { request_plane_codec: codec }),
    ...(responseMux === undefined ? {} : { dyn_response_mux: Number(responseMux) }),
  };
}

export function valueToInstance(value: z.output<typeof InstanceValue>): Instance {
  const { namespace, component, endpoint, instance_id, transport } = value;
  const { request_plane_codec: codec, dyn_response_mux: mux } = value;
  const { device_type: deviceType } = value;
  return {
    id: { namespace, component, endpoint },
    instanceId: instance_id,
    transport: {
      ...transport,
      ...(codec === undefined ? {} : { codec }),
      ...(mux === undefined ? {} : { responseMux: String(mux) }),
    },
    ...(deviceType === undefined ? {} : { deviceType }),
  };
}

import type { ModelCard } from "@dyn/protocol";
import { type EndpointId, endpointPath, formatEndpointId, type Planes } from "@dyn/runtime";

/** Of a worker of the endpoint, once there is one. Throws the signal's reason. */
export async function firstCard(
  { discovery }: Planes,
  endpoint: EndpointId,
  signal: AbortSignal,
): Promise<ModelCard> {
  const prefix = endpointPath(endpoint);
  for await (const event of discovery.watch("v1/mdc", { prefix, signal })) {
    if (event.type === "put" && event.record.type === "model") return event.record.card;
  }
  signal.throwIfAborted();
  throw new Error(`Discovery told no more before a worker came to ${formatEndpointId(endpoint)}.`);
}

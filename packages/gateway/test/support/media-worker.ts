// A worker of images or videos whose answers a test writes.
import type { ModelCard } from "@dyn/protocol";
import { DistributedRuntime, type MemHub, type RequestContext } from "@dyn/runtime";

export type MediaAnswer = (
  body: Record<string, unknown>,
  context: RequestContext,
) => AsyncIterable<unknown>;

export async function startMediaWorker(
  hub: MemHub,
  displayName: string,
  modelTypes: ModelCard["modelTypes"],
  answer: MediaAnswer,
): Promise<DistributedRuntime> {
  const runtime = new DistributedRuntime(hub.createPlanes());
  const address = `dyn://dynamo.${displayName}.generate`;
  const endpoint = await runtime
    .endpoint(address)
    .serve<Record<string, unknown>, unknown>(async function* (body, context) {
      for await (const data of answer(body, context)) yield { data };
    });
  await endpoint.registerModel({
    displayName,
    sourcePath: displayName,
    modelTypes,
    modelInput: "text",
    contextLength: 0,
    kvCacheBlockSize: 0,
    endpoint: address,
    created: 1_700_000_000,
  });
  return runtime;
}

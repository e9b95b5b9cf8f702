// An embedding worker whose answers a test writes.
import type { ModelCard } from "@dyn/protocol";
import { DistributedRuntime, type MemHub } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";

export async function startEmbeddingWorker(
  hub: MemHub,
  displayName: string,
  answer: (body: Record<string, unknown>) => unknown,
  card: Partial<ModelCard> = {},
): Promise<DistributedRuntime> {
  const runtime = new DistributedRuntime(hub.createPlanes());
  const address = `dyn://dynamo.${displayName}.generate`;
  const endpoint = await runtime
    .endpoint(address)
    .serve<Record<string, unknown>, unknown>(async function* (body) {
      const item = answer(body);
      if (item !== undefined) yield { data: item };
    });
  await endpoint.registerModel({
    displayName,
    sourcePath: modelPath("dyn-tiny-chat"),
    modelTypes: ["embedding"],
    modelInput: "tokens",
    contextLength: 64,
    kvCacheBlockSize: 16,
    endpoint: address,
    created: 1_700_000_000,
    ...card,
  });
  return runtime;
}

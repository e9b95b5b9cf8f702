// A worker whose answers a test writes: for what a sound engine never does.
import type { EngineOutputItem, ModelCard, PreprocessedRequest } from "@dyn/protocol";
import { DistributedRuntime, type MemHub, type RequestContext } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";

export type Script = (
  request: PreprocessedRequest,
  context: RequestContext,
) => AsyncIterable<EngineOutputItem>;

export async function startScriptedWorker(
  hub: MemHub,
  displayName: string,
  script: Script,
  card: Partial<ModelCard> = {},
  address = `dyn://dynamo.${displayName.replace(/\W/g, "-")}.generate`,
): Promise<DistributedRuntime> {
  const runtime = new DistributedRuntime(hub.createPlanes());
  const endpoint = await runtime
    .endpoint(address)
    .serve<PreprocessedRequest, EngineOutputItem>(async function* (request, context) {
      for await (const data of script(request, context)) yield { data };
    });
  await endpoint.registerModel({
    displayName,
    sourcePath: modelPath("dyn-tiny-chat"),
    modelTypes: ["chat", "completions"],
    modelInput: "tokens",
    contextLength: 4096,
    kvCacheBlockSize: 16,
    endpoint: address,
    created: 1_700_000_000,
    ...card,
  });
  return runtime;
}

// An aggregated worker: prefill and decode on one engine, token ids in and out.
import type { Engine } from "@dyn/engine";
import { createDecodeHandler } from "@dyn/handlers";
import type { ModelCard } from "@dyn/protocol";
import type { DistributedRuntime } from "@dyn/runtime";

/** Serves `generate`, then announces the model: nobody finds an endpoint that does not answer yet. */
export async function initGenerate(options: {
  readonly runtime: DistributedRuntime;
  readonly engine: Engine;
  readonly card: ModelCard;
}): Promise<void> {
  const { runtime, engine, card } = options;
  const served = await runtime.endpoint(card.endpoint).serve(createDecodeHandler({ engine }));
  await served.registerModel(card);
}

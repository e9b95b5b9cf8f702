// A chat model beside the deployment's, which says what a test gives it: for clients that act upon what is said.
import type { ModelCard } from "@dyn/protocol";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer } from "@dyn/tokenizer";
import type { Deployment } from "./deployment.ts";
import { startScriptedWorker } from "./scripted-worker.ts";

export interface ScriptedChat {
  readonly model: string;
  /** From now on: a text for each request, then empty ones. */
  say(...texts: string[]): void;
}

/** It is found by the gateway, and ends with the deployment's hub. */
export async function startScriptedChat(
  { hub, gateway }: Deployment,
  runtimeConfig: ModelCard["runtimeConfig"],
): Promise<ScriptedChat> {
  const model = "scripted";
  const tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  let turns: string[] = [];
  await startScriptedWorker(
    hub,
    model,
    async function* () {
      for (const id of tokenizer.encode(turns.shift() ?? "")) yield { token_ids: [id] };
      yield { token_ids: [], finish_reason: "stop" };
    },
    { runtimeConfig },
  );
  await gateway.waitForModel(model, { signal: AbortSignal.timeout(30_000) });
  return {
    model,
    say(...texts) {
      turns = texts;
    },
  };
}

// A deployment with a second model of the same engine and files, whose worker takes text.
import { createMockEngine, type Engine } from "@dyn/engine";
import { createTextChatHandler, loadTextChatModel } from "@dyn/gateway/chat";
import { createGrammarCompiler } from "@dyn/grammar";
import { createDecodeHandler } from "@dyn/handlers";
import type { ModelCard } from "@dyn/protocol";
import { DistributedRuntime } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { type Deployment, startDeployment } from "./deployment.ts";

export const textModel = "of-text";
const engineOptions = { vocabSize: 4096, contextLength: 4096 };

export interface TextDeployment {
  readonly deployment: Deployment;
  /** Of the worker that takes text. */
  readonly engine: Engine;
  /** What that worker was sent last. */
  sent(): Record<string, unknown>;
  close(): Promise<void>;
}

export async function startTextDeployment(): Promise<TextDeployment> {
  const deployment = await startDeployment({
    card: { runtimeConfig: { toolCallParser: "hermes", reasoningParser: "qwen3" } },
    settings: { anthropicApi: true },
  });
  const grammars = createGrammarCompiler({
    vocabulary: { tokenizerDirectory: modelPath("dyn-tiny-chat") },
    vocabSize: engineOptions.vocabSize,
  });
  const engine = createMockEngine({ ...engineOptions, grammars });
  const address = "dyn://dynamo.text.generate";
  const card: ModelCard = {
    displayName: textModel,
    sourcePath: modelPath("dyn-tiny-chat"),
    modelTypes: ["chat"],
    modelInput: "text",
    contextLength: engine.info.contextLength,
    kvCacheBlockSize: engine.info.pageSize,
    endpoint: address,
    created: 1_700_000_000,
  };
  const chatModel = await loadTextChatModel(card, {
    processor: "dynamo",
    toolCalls: "hermes",
    reasoning: "qwen3",
  });
  const handler = createTextChatHandler({
    model: chatModel,
    tokens: createDecodeHandler({ engine }),
  });
  let sent: Record<string, unknown> = {};
  const worker = new DistributedRuntime(deployment.hub.createPlanes());
  const served = await worker.endpoint(address).serve((body, context) => {
    sent = body as Record<string, unknown>;
    return handler(body, context);
  });
  await served.registerModel(card);
  await deployment.gateway.waitForModel(textModel, { signal: AbortSignal.timeout(30_000) });
  return {
    deployment,
    engine,
    sent: () => sent,
    close: async () => {
      await worker.close();
      await engine.close();
      await chatModel.close();
      await grammars.close();
      await deployment.close();
    },
  };
}

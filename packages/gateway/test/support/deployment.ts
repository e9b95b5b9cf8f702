// A gateway and one worker in this process: memory planes, the mock engine, the bundled model's tokenizer.
import { createMockEngine, type Engine, type MockEngineOptions } from "@dyn/engine";
import {
  createGateway,
  type Gateway,
  type GatewayLimits,
  type GatewayLogger,
  type GatewayOptions,
  type GatewaySettings,
} from "@dyn/gateway";
import { createGrammarCompiler } from "@dyn/grammar";
import { createDecodeHandler } from "@dyn/handlers";

import { createMetricsRegistry } from "@dyn/metrics";

import type { ModelCard } from "@dyn/protocol";
import { createMemHub, DistributedRuntime, type MemHub } from "@dyn/runtime";
import { modelPath } from "@dyn/tiny-models";
import { loadTokenizer } from "@dyn/tokenizer";
import OpenAI from "openai";

export const model = "tiny/chat";
/** Of the bundled model; the mock's tokens must be its tokens. */
const vocabSize = 4096;
const address = "dyn://dynamo.backend.generate";

export interface Deployment {
  readonly hub: MemHub;
  readonly gateway: Gateway;
  readonly engine: Engine;
  readonly url: string;
  readonly port: number;
  readonly client: OpenAI;
  /** What the gateway logged. */
  readonly log: string[];
  /** Takes the worker out of discovery, or brings one back. */
  removeWorker(): Promise<void>;
  close(): Promise<void>;
}

export async function startDeployment(
  options: {
    readonly engine?: MockEngineOptions;
    readonly limits?: Partial<GatewayLimits>;
    readonly card?: Partial<ModelCard>;
    readonly settings?: Partial<GatewaySettings>;
    /** Any other of the gateway's options. */
    readonly gateway?: Partial<GatewayOptions>;
  } = {},
): Promise<Deployment> {
  const hub = createMemHub();
  const grammars = createGrammarCompiler({
    vocabulary: { tokenizerDirectory: modelPath("dyn-tiny-chat") },
    vocabSize,
  });
  const engine = createMockEngine({ vocabSize, contextLength: 4096, grammars, ...options.engine });
  const worker = await startWorker(hub, engine, options.card);
  const log: string[] = [];
  const runtime = new DistributedRuntime(hub.createPlanes());
  const gateway = createGateway({
    runtime,
    metrics: createMetricsRegistry({ processMetrics: false }),
    logger: collectingLogger(log),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...options.gateway,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
  });
  const { url, port } = await gateway.listen({ host: "127.0.0.1", port: 0 });
  await gateway.waitForModel(model, { signal: AbortSignal.timeout(30_000) });
  return {
    hub,
    gateway,
    engine,
    url,
    port,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 }),
    log,
    removeWorker: () => worker.close(),
    close: async () => {
      await gateway.close();
      await worker.close();
      await runtime.close();
      await engine.close();
      await grammars.close();
    },
  };
}

/** Those of Qwen3, which the bundled model thinks like. */
async function thinkingMarkers() {
  const tokenizer = await loadTokenizer(modelPath("dyn-tiny-chat"));
  return {
    openIds: [...tokenizer.encode("<think>")],
    closeIds: [...tokenizer.encode("</think>")],
    enderIds: [],
    startsInside: false,
  };
}

export async function startWorker(
  hub: MemHub,
  engine: Engine,
  card: Partial<ModelCard> = {},
): Promise<DistributedRuntime> {
  const runtime = new DistributedRuntime(hub.createPlanes());
  const endpoint = await runtime.endpoint(address).serve(
    createDecodeHandler({
      engine,
      thinkingMarkers,
      loadTokenizer: () => loadTokenizer(modelPath("dyn-tiny-chat")),
    }),
  );
  await endpoint.registerModel({
    displayName: model,
    sourcePath: modelPath("dyn-tiny-chat"),
    modelTypes: ["chat", "completions"],
    modelInput: "tokens",
    contextLength: engine.info.contextLength,
    kvCacheBlockSize: engine.info.pageSize,
    endpoint: address,
    created: 1_700_000_000,
    ...card,
  });
  return runtime;
}

/** Everything that requests held is back: nothing runs or waits, every page is free or only cached. */
export function isIdle(engine: Engine): boolean {
  const { runningRequests, waitingRequests, pagesFree, pagesCached, pagesTotal } = engine.metrics();
  return runningRequests === 0 && waitingRequests === 0 && pagesFree + pagesCached === pagesTotal;
}

/** Polls until it holds; fails loudly after thirty seconds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function collectingLogger(log: string[]): GatewayLogger {
  const note = (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void log.push(`${message} ${JSON.stringify(fields ?? {})}`);
  return { warn: note, error: note };
}

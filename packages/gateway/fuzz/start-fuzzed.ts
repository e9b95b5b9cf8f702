// The deployment that is fuzzed: a model of every type, so that every route is there.
import {
  type Deployment,
  isIdle,
  model,
  startDeployment,
  until,
} from "../test/support/deployment.ts";
import { startEmbeddingWorker } from "../test/support/embedding-worker.ts";
import { startMediaWorker } from "../test/support/media-worker.ts";

export interface Fuzzed {
  readonly deployment: Deployment;
  /** Resolves when nothing runs, waits or is held any more. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

const picture = "/9j/4AAQ";

export async function startFuzzed(): Promise<Fuzzed> {
  const deployment = await startDeployment({
    engine: { contextLength: 512 },
    settings: {
      anthropicApi: true,
      sglangGenerate: true,
      vllmGenerate: true,
      streamingDispatch: { calls: true, reasoning: true },
    },
    card: {
      runtimeConfig: {
        toolCallParser: "hermes",
        reasoningParser: "qwen3",
        boundsThinking: true,
        runtimeData: { sglang_generate: true },
      },
    },
  });
  const { hub, gateway, engine } = deployment;
  const text = { modelInput: "text", sourcePath: "/nowhere" } as const;
  const list = { object: "list", data: [{ index: 0 }], usage: { prompt_tokens: 1 } };
  const workers = [
    await startMediaWorker(hub, "painter", ["images"], async function* () {
      yield { created: 7, data: [{ b64_json: picture }] };
    }),
    await startMediaWorker(hub, "director", ["videos"], async function* () {
      const whole = { id: "video-1", object: "video", model: "director", progress: 100 };
      const data = [{ output_format: "mp4", b64_json: picture }];
      yield { ...whole, status: "completed", created: 7, data };
    }),
    await startEmbeddingWorker(hub, "embedder", ({ token_ids: lists }) => ({
      embeddings: (lists as unknown[]).map(() => "zczMPc3MTD4="),
      prompt_tokens: 1,
      total_tokens: 1,
    })),
    await startEmbeddingWorker(hub, "ranker", () => [{ score: 0.5, index: 0 }], {
      ...text,
      modelTypes: ["rerank"],
    }),
    await startEmbeddingWorker(hub, "judge", () => list, { ...text, modelTypes: ["classify"] }),
    await startEmbeddingWorker(hub, "pooler", () => list, { ...text, modelTypes: ["pooling"] }),
  ];
  const signal = AbortSignal.timeout(60_000);
  for (const name of [model, "painter", "director", "embedder", "ranker", "judge", "pooler"]) {
    await gateway.waitForModel(name, { signal });
  }
  return {
    deployment,
    idle: () => until(() => isIdle(engine), "an idle engine"),
    close: async () => {
      for (const worker of workers) await worker.close();
      await deployment.close();
    },
  };
}

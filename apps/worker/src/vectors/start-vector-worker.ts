// An embedding or rerank worker from its arguments: model, tokenizer, engine, and the init file of its type.
import { resolve } from "node:path";
import { ArgsError } from "@dyn/args";
import { loadEmbeddingConfig, loadModelConfig } from "@dyn/model-files";
import { DistributedRuntime } from "@dyn/runtime";
import { createTokenizerPool, loadTokenizer } from "@dyn/tokenizer";
import { readCardFiles } from "../card/read-card-files.ts";
import { drainWorker } from "../drain-worker.ts";
import { createAdmission } from "../engine/create-admission.ts";
import { vectorFacts } from "../facts/worker-facts.ts";
import { initEmbedding } from "../init/init-embedding.ts";
import { initRerank } from "../init/init-rerank.ts";
import { resolveWorkerModel } from "../model/resolve-worker-model.ts";
import type { RunningWorker, WorkerContext, WorkerStart } from "../start-worker.ts";

export async function startVectorWorker(
  context: WorkerContext,
  { system, tracer, begun }: WorkerStart,
): Promise<RunningWorker> {
  const { args, planes, logger, signal } = context;
  const { engine: options } = args.values;
  if (options.engine === "mock") {
    throw new ArgsError(
      "UNSUPPORTED_FLAG",
      "--engine mock makes text only: leave it out for --embedding-worker and --rerank-worker.",
      { flag: "--engine" },
    );
  }
  const isRerank = args.derived.workerType === "rerank";
  const model = await resolveWorkerModel(args, signal);
  const config = await loadModelConfig(model.path, { takesBodies: !isRerank });
  const { isDeclared } = await loadEmbeddingConfig(model.path);
  if (!isRerank && !isDeclared) {
    logger.warn(
      "the model has no modules.json that says how its vectors are made: they are read from the last token and scaled to unit length",
    );
  }
  const tokenizerDirectory = resolve(options.tokenizerPath ?? model.path);
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const pool = createTokenizerPool({ directory: tokenizerDirectory, tokenizer });
  const runtime = new DistributedRuntime(planes);
  const shutdown = new AbortController();
  try {
    const files = await readCardFiles({
      modelDirectory: model.path,
      tokenizerDirectory,
      chatTemplateFile: null,
    });
    const init = isRerank ? initRerank : initEmbedding;
    const { engine, card, showMetrics, endHealthWatch } = await init({
      args,
      logger,
      modelDirectory: model.path,
      tokenizerDirectory,
      files,
      tokenizer,
      pool,
      runtime,
      system,
      tracer,
      admission: createAdmission(args),
      shutdown: shutdown.signal,
      signal,
    });
    const parts = { runtime, card, system, tracer, shutdown };
    return {
      card,
      facts: vectorFacts(isRerank ? "rerank" : "embedding", config, engine.info),
      startMs: performance.now() - begun,
      systemUrl: system?.url ?? null,
      showMetrics,
      drain: () =>
        drainWorker(context, {
          ...parts,
          leave: async () => {},
          closeEngine: async () => {
            endHealthWatch();
            await engine.close();
            await pool.close();
          },
        }),
    };
  } catch (error) {
    await runtime.close();
    await pool.close();
    throw error;
  }
}

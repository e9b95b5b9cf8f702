// Which engine a worker's arguments ask for, and with what.
import { availableParallelism } from "node:os";
import type { WorkerArgs } from "@dyn/args";
import { createMockEngine, createRankedEngine, type Engine, type RankedEngine } from "@dyn/engine";
import { createOnnxEngine } from "@dyn/engine-onnx";
import { createGrammarCompiler } from "@dyn/grammar";
import type { ModelConfig } from "@dyn/model-files";
import { engineSettings } from "./engine-settings.ts";

export interface EngineSource {
  readonly modelDirectory: string;
  readonly tokenizerDirectory: string;
  readonly config: ModelConfig;
}

/** Resolves when every rank can take requests. */
export async function createEngine(
  args: WorkerArgs,
  source: EngineSource,
  signal: AbortSignal,
): Promise<RankedEngine> {
  const { dpSize } = args.values.engine;
  const ranks: Engine[] = [];
  try {
    // One by one: each takes its share of the memory that it finds.
    for (let rank = 0; rank < dpSize; rank++) ranks.push(await createRank(args, source, signal));
  } catch (error) {
    await Promise.all(ranks.map((rank) => rank.close()));
    throw error;
  }
  return createRankedEngine(ranks);
}

async function createRank(
  args: WorkerArgs,
  source: EngineSource,
  signal: AbortSignal,
): Promise<Engine> {
  const { engine, mock } = args.values;
  const settings = engineSettings(args);
  const contextLength = engine.contextLength ?? source.config.contextLength;
  if (engine.engine === "mock") {
    const grammars = createGrammarCompiler({
      vocabulary: { tokenizerDirectory: source.tokenizerDirectory },
      vocabSize: source.config.vocabSize,
    });
    return createMockEngine({
      ...settings,
      grammars,
      pageSize: engine.pageSize,
      pageCount: mock.pageCount,
      vocabSize: source.config.vocabSize,
      contextLength,
      prefillUsPerToken: mock.prefillUsPerToken,
      decodeMsPerStep: mock.decodeMsPerStep,
      decodeUsPerSequence: mock.decodeUsPerSequence,
    });
  }
  return createOnnxEngine({
    ...settings,
    modelDirectory: source.modelDirectory,
    tokenizerDirectory: source.tokenizerDirectory,
    contextLength,
    pageSize: engine.pageSize,
    memoryFraction: engine.memFractionStatic / engine.dpSize,
    quantization: engine.quantization ?? null,
    ...threadsOf(args),
    signal,
  });
}

/** Ranks share the cores. */
function threadsOf({ values: { engine } }: WorkerArgs): { readonly threadCount?: number } {
  if (engine.threads !== undefined) return { threadCount: engine.threads };
  if (engine.dpSize === 1) return {};
  return { threadCount: Math.max(1, Math.floor(availableParallelism() / engine.dpSize)) };
}

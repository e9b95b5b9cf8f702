// Which engine a worker's arguments ask for, and with what.
import type { WorkerArgs } from "@dyn/args";
import { createMockEngine, type Engine } from "@dyn/engine";
import { createOnnxEngine } from "@dyn/engine-onnx";
import { createGrammarCompiler } from "@dyn/grammar";
import type { ModelConfig } from "@dyn/model-files";
import { engineSettings } from "./engine-settings.ts";

export interface EngineSource {
  readonly modelDirectory: string;
  readonly tokenizerDirectory: string;
  readonly config: ModelConfig;
}

/** Resolves when the engine can take requests. */
export async function createEngine(
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
    memoryFraction: engine.memFractionStatic,
    quantization: engine.quantization ?? null,
    ...(engine.threads === undefined ? {} : { threadCount: engine.threads }),
    signal,
  });
}

// Which engine a worker's arguments ask for, and with what.
import { availableParallelism } from "node:os";
import type { WorkerArgs } from "@dyn/args";
import type { Disaggregation, RoomRecord } from "@dyn/disagg";
import {
  createMockEngine,
  createRankedEngine,
  type Engine,
  type KvTransfer,
  type RankedEngine,
} from "@dyn/engine";
import { createOnnxEngine } from "@dyn/engine-onnx";
import { createGrammarCompiler } from "@dyn/grammar";
import type { Logger } from "@dyn/logging";
import type { ModelConfig } from "@dyn/model-files";
import { engineSettings } from "./engine-settings.ts";
import { createHandOver } from "./hand-over.ts";

/** Both spellings of the flag. */
const kvCacheDtypes = {
  auto: "auto",
  float16: "float16",
  fp16: "float16",
  float32: "float32",
  fp32: "float32",
} as const;

export interface EngineSource {
  readonly modelDirectory: string;
  readonly tokenizerDirectory: string;
  readonly config: ModelConfig;
}

export interface WorkerEngine {
  readonly engine: RankedEngine;
  /** Settles with the error when KV cannot be handed over any more. */
  readonly handOverFailed: Promise<Error>;
  /** What becomes of rooms in which KV changes hands is told to one listener. */
  onRoomEnded(listener: (record: RoomRecord) => void): void;
  /** Ends everything now. */
  close(): Promise<void>;
}

/** Resolves when every rank can take requests. */
export async function createEngine(
  args: WorkerArgs,
  source: EngineSource,
  logger: Logger,
  signal: AbortSignal,
): Promise<WorkerEngine> {
  const ranks: Engine[] = [];
  const handOvers: Disaggregation[] = [];
  let isClosed = false;
  let tell: (record: RoomRecord) => void = () => {};
  const close = async () => {
    isClosed = true;
    await Promise.all(ranks.map((rank) => rank.close()));
    await Promise.all(handOvers.map((handOver) => handOver.close()));
  };
  try {
    // One by one: each takes its share of the memory that it finds.
    for (let rank = 0; rank < args.values.engine.dpSize; rank++) {
      const handOver = await createHandOver(args, rank, handOvers[0] ?? null, {
        onNotice: (text) => logger.info(text),
        onRoomEnded: (record) => tell(record),
      });
      if (handOver !== null) handOvers.push(handOver);
      ranks.push(await createRank(args, source, handOver?.transfer, signal));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    engine: createRankedEngine(ranks),
    // A thread that ends because it was closed has not failed.
    handOverFailed: Promise.race(
      handOvers.map(async ({ failed }) => {
        const error = await failed;
        return isClosed ? new Promise<never>(() => {}) : error;
      }),
    ),
    onRoomEnded: (listener) => {
      tell = listener;
    },
    close,
  };
}

async function createRank(
  args: WorkerArgs,
  source: EngineSource,
  kvTransfer: KvTransfer | undefined,
  signal: AbortSignal,
): Promise<Engine> {
  const { engine, mock } = args.values;
  const settings = {
    ...engineSettings(args),
    ...(kvTransfer === undefined ? {} : { kvTransfer }),
  };
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
      kvBytesPerToken: mock.kvBytesPerToken,
      ...(mock.kvGigabytesPerSecond === undefined
        ? {}
        : { kvGigabytesPerSecond: mock.kvGigabytesPerSecond }),
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
    kvCacheDtype: kvCacheDtypes[engine.kvCacheDtype],
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

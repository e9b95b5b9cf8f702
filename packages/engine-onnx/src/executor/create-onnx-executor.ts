// From a model directory to an executor: config, checkpoint, graph, session, KV pages.
import type { Executor, ExecutorInfo } from "@dyn/engine";
import {
  type Checkpoint,
  loadModelConfig,
  type ModelConfig,
  openCheckpoint,
} from "@dyn/model-files";
import { InvalidArgumentError } from "@dyn/protocol";
import { buildDecoderGraph } from "../graph/decoder-graph.ts";
import { BindingSession } from "../runtime/binding-session.ts";
import { projectionGroups } from "../weights/tensor-names.ts";
import { PagedExecutor } from "./paged-executor.ts";

export interface OnnxExecutorOptions {
  readonly modelDirectory: string;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly threadCount: number;
}

export async function createOnnxExecutor(options: OnnxExecutorOptions): Promise<Executor> {
  const config = await loadModelConfig(options.modelDirectory);
  const checkpoint = await openCheckpoint(options.modelDirectory);
  const { pageSize, pageCount } = options;
  if (!(pageCount >= 1)) throw new InvalidArgumentError("pageCount", { param: "pageCount" });
  const model = buildDecoderGraph({ config, checkpoint, pageSize });
  const weightFile = [...checkpoint.tensors.values()][0]?.file ?? null;
  const info: ExecutorInfo = {
    kind: "onnx",
    dtype: "f32",
    vocabSize: config.vocabSize,
    contextLength: config.contextLength,
    pageSize,
    pageCount,
    kvBytesPerToken: kvBytesPerToken(config),
    weightBytes: weightBytes(config, checkpoint),
  };
  return new PagedExecutor({
    info,
    config,
    openSession: () => new BindingSession({ model, weightFile, threadCount: options.threadCount }),
  });
}

function kvBytesPerToken(config: ModelConfig): number {
  return 2 * config.layerCount * config.kvHeadCount * config.headDim * 4;
}

function weightBytes(config: ModelConfig, checkpoint: Checkpoint): number {
  void checkpoint;
  return projectionGroups(config)
    .flatMap(({ inputSize, projections }) => projections.map((p) => inputSize * p.outputSize * 4))
    .reduce((a, b) => a + b, 0);
}

// The whole decoder as one ONNX graph: embedding, layers, head. One graph serves prefill and decode,
// since two sessions would not share their packed weights.
import type { Checkpoint, ModelConfig } from "@dyn/model-files";
import { GraphBuilder } from "../onnx/graph-builder.ts";
import { CheckpointWeights, castToFloat32 } from "../weights/checkpoint-weights.ts";
import {
  embeddingTensor,
  finalNormTensor,
  headTensors,
  type LayerTensors,
  layerTensors,
} from "../weights/tensor-names.ts";
import { DenseLinearWriter, type LinearWriter } from "./linear.ts";
import { writeMlp } from "./mlp.ts";
import { writeAddRmsNorm, writeRmsNorm } from "./norm.ts";
import { writePageAttention } from "./page-attention.ts";
import { writePagedAttention, writePagedAttentionInputs } from "./paged-attention.ts";
import { QuantizedLinearWriter } from "./quantized-linear.ts";
import { writeRaggedAttention, writeRaggedAttentionInputs } from "./ragged-attention.ts";
import { writeRope } from "./rope.ts";
import { writeSlotAttention, writeSlotAttentionInputs } from "./slot-attention.ts";

export interface DecoderGraphOptions {
  readonly config: ModelConfig;
  readonly checkpoint: Checkpoint;
  /** From quantize/; `null` computes with the weights as they are. */
  readonly quantized: Checkpoint | null;
  readonly attention: AttentionKind;
  readonly pageSize: number;
  /** Default: logits over the vocabulary. */
  readonly output?: GraphOutput;
}

/** `pages`: our own operator, over pages in place. `slots`: reads and writes slots in place. `paged`: gathers pages. `ragged`: whole prompts, nothing kept. */
export type AttentionKind = "pages" | "slots" | "paged" | "ragged";

export type GraphOutput =
  | { readonly kind: "logits" }
  /** What the head would read: hidden [N, hiddenSize]. */
  | { readonly kind: "hidden" }
  /** Logits of these tokens alone, in their order: hidden [N, tokenIds.length]. */
  | { readonly kind: "labels"; readonly tokenIds: readonly number[] };

/** Inputs beside those of attention: tokenIds [T], positions [T, 1], logitTokens [N], cos, sin. Output: logits [N, vocab], or as `output` says. */
export function buildDecoderGraph(options: DecoderGraphOptions): Uint8Array {
  const { config, checkpoint, quantized, attention, pageSize } = options;
  const graph = new GraphBuilder("decoder");
  const weights = new CheckpointWeights(checkpoint, graph);
  const linear: LinearWriter =
    quantized === null
      ? new DenseLinearWriter(graph, weights)
      : new QuantizedLinearWriter(graph, weights, quantized);
  const { hiddenSize, vocabSize, headDim, rmsNormEps: eps } = config;
  const norm = (name: string) => weights.float32(name, [hiddenSize]);

  graph.input("tokenIds", "int32", ["T"]);
  graph.input("positions", "int64", ["T", 1]);
  graph.input("logitTokens", "int32", ["N"]);
  graph.input("cos", "float32", ["C", headDim / 2]);
  graph.input("sin", "float32", ["C", headDim / 2]);
  if (attention === "paged") writePagedAttentionInputs(graph);
  else if (attention === "slots") writeSlotAttentionInputs(graph);
  else if (attention === "ragged") writeRaggedAttentionInputs(graph);

  let residual = writeEmbedding(graph, weights, config);
  let normalized = "";
  for (let layer = 0; layer < config.layerCount; layer++) {
    const tensors = layerTensors(config, layer);
    if (layer === 0) normalized = writeRmsNorm(graph, residual, norm(tensors.inputNorm), eps);
    const heads = writeHeads(graph, weights, linear, config, tensors, normalized);
    const answers = {
      pages: () => writePageAttention(graph, layer, heads),
      slots: () => writeSlotAttention(graph, config, layer, heads),
      paged: () => writePagedAttention(graph, config, layer, pageSize, heads),
      ragged: () => writeRaggedAttention(graph, config, layer, heads),
    }[attention]();
    const output = linear.write(tensors.attentionOutput, answers)[0]!;
    ({ normalized, residual } = writeAddRmsNorm(
      graph,
      output,
      residual,
      norm(tensors.mlpNorm),
      eps,
    ));
    const next =
      layer + 1 < config.layerCount ? layerTensors(config, layer + 1).inputNorm : finalNormTensor;
    const mlp = writeMlp(graph, linear, tensors, normalized);
    ({ normalized, residual } = writeAddRmsNorm(graph, mlp, residual, norm(next), eps));
  }
  const wanted = graph.op("Gather", [normalized, "logitTokens"], { attributes: { axis: 0 } });
  const output = options.output ?? { kind: "logits" };
  const write = (value: string, name: string, width: number) => {
    graph.op("Identity", [value], { outputs: [name] });
    graph.output(name, "float32", ["N", width]);
  };
  switch (output.kind) {
    case "logits":
      write(linear.write(headTensors(config), wanted)[0]!, "logits", vocabSize);
      break;
    case "hidden":
      write(wanted, "hidden", hiddenSize);
      break;
    case "labels":
      write(
        writeLabels(graph, weights, config, output.tokenIds, wanted),
        "hidden",
        output.tokenIds.length,
      );
  }
  return graph.toModel();
}

/** The rows of the head that belong to the tokens. [N, hiddenSize] -> [N, tokenIds.length] */
function writeLabels(
  graph: GraphBuilder,
  weights: CheckpointWeights,
  config: ModelConfig,
  tokenIds: readonly number[],
  input: string,
): string {
  const { inputSize, projections } = headTensors(config);
  const weight = projections[0]!.weight;
  const { value, type } = weights.stored(weight, [config.vocabSize, inputSize]);
  const rows = graph.op("Gather", [value, graph.constant(tokenIds)], { attributes: { axis: 0 } });
  const labels = type === "float32" ? rows : castToFloat32(graph, rows);
  return graph.op("Gemm", [input, labels], { attributes: { transB: 1 } });
}

/** Reads only the rows asked for, out of the mapped file. [T, hiddenSize] */
function writeEmbedding(
  graph: GraphBuilder,
  weights: CheckpointWeights,
  config: ModelConfig,
): string {
  const { value, type } = weights.stored(embeddingTensor, [config.vocabSize, config.hiddenSize]);
  const rows = graph.op("Gather", [value, "tokenIds"], { attributes: { axis: 0 } });
  return type === "float32" ? rows : castToFloat32(graph, rows);
}

/** Projects, normalises (Qwen3) and rotates. `input` [T, hiddenSize] -> q, k [T, heads, 1, headDim], v [T, kvHeads x headDim]. */
function writeHeads(
  graph: GraphBuilder,
  weights: CheckpointWeights,
  linear: LinearWriter,
  config: ModelConfig,
  tensors: LayerTensors,
  input: string,
): { q: string; k: string; v: string } {
  const { headCount, kvHeadCount, headDim } = config;
  const [q, k, v] = linear.write(tensors.qkv, input) as [string, string, string];
  const rotate = (value: string, heads: number, normTensor: string) => {
    // Each token is a batch entry of its own: heads stay where they are, and nothing has to be reshaped in between.
    const rows = graph.reshape(value, [-1, heads, 1, headDim]);
    if (!config.qkNorm) return writeRope(graph, rows, heads);
    const weight = weights.float32(normTensor, [headDim]);
    return writeRope(graph, writeRmsNorm(graph, rows, weight, config.rmsNormEps), heads);
  };
  return {
    q: rotate(q, headCount, tensors.qNorm),
    k: rotate(k, kvHeadCount, tensors.kNorm),
    v,
  };
}

// For workers that take token ids: the frontend tokenizes, the worker answers with the bytes of vectors.
import {
  EmbeddingItem,
  type EmbeddingList,
  type EmbeddingRequest,
  InternalError,
  InvalidArgumentError,
  type PreprocessedEmbeddingRequest,
} from "@dyn/protocol";
import { inputTooLong } from "../errors/gateway-errors.ts";
import { askWorker } from "../models/ask-worker.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import { type PromptInput, toPromptInputs } from "../preprocess/prompt-inputs.ts";
import type { GenerationTask } from "../routes/answer-generation.ts";
import { base64ToVector } from "./vector-bytes.ts";

export async function embedTokens(
  pipeline: ModelPipeline,
  request: EmbeddingRequest,
  { exchange, observation }: GenerationTask,
): Promise<EmbeddingList> {
  const { card } = pipeline;
  const begunMs = performance.now();
  const inputs = await toPromptInputs(request.input, pipeline, {
    param: "input",
    // As the model's makers embed: several models read their vector from a token that is added here.
    addSpecialTokens: true,
    signal: exchange.signal,
  });
  observation.promptTokenized(performance.now() - begunMs);
  const isList = Array.isArray(request.input) && typeof request.input[0] !== "number";
  for (const [i, input] of inputs.entries()) {
    checkLength(input, isList ? `input[${i}]` : "input", card.contextLength);
  }
  observation.preprocessed(inputs.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0));
  const body: PreprocessedEmbeddingRequest = {
    token_ids: inputs.map(({ tokenIds }) => [...tokenIds]),
    model: card.displayName,
    ...(request.encoding_format == null ? {} : { encoding_format: request.encoding_format }),
    dimensions: request.dimensions ?? null,
    mdc_sum: pipeline.checksum,
    annotations: [],
  };
  const answer = await askWorker(pipeline.workers, body, { exchange, observation });
  const item = EmbeddingItem.safeParse(answer);
  if (!item.success) {
    throw new InternalError("A worker's answer is no list of embeddings.", { cause: item.error });
  }
  const { embeddings, prompt_tokens, total_tokens } = item.data;
  if (embeddings.length !== inputs.length) {
    throw new InternalError(
      `A worker sent ${embeddings.length} embeddings for ${inputs.length} inputs.`,
    );
  }
  const wantsBase64 = request.encoding_format === "base64";
  return {
    object: "list",
    data: embeddings.map((text, index) => ({
      object: "embedding",
      index,
      embedding: wantsBase64 ? text : base64ToVector(text),
    })),
    model: card.displayName,
    usage: { prompt_tokens, total_tokens },
  };
}

function checkLength({ tokenIds }: PromptInput, param: string, contextLength: number): void {
  if (tokenIds.length === 0) {
    throw new InvalidArgumentError(`${param} has no tokens. Send some text.`, { param });
  }
  // 0: not known.
  if (contextLength > 0 && tokenIds.length > contextLength) {
    throw inputTooLong(param, { contextLength, tokens: tokenIds.length });
  }
}

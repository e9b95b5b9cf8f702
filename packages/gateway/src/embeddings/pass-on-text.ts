// For workers that take text: the client's body goes to the worker, the worker's answer to the client.
import { EmbeddingList, type EmbeddingRequest, InternalError } from "@dyn/protocol";
import { askWorker } from "../models/ask-worker.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import type { GenerationTask } from "../routes/answer-generation.ts";
import { base64ToVector, vectorToBase64 } from "./vector-bytes.ts";

/** Vectors come in the form that was asked for, whichever the worker chose. */
export async function passOnText(
  pipeline: BasePipeline,
  request: EmbeddingRequest,
  { exchange, observation }: GenerationTask,
): Promise<EmbeddingList> {
  observation.passedOn();
  const answer = await askWorker(pipeline.workers, request, { exchange, observation });
  const parsed = EmbeddingList.safeParse(answer);
  if (!parsed.success) {
    throw new InternalError("A worker's answer is no OpenAI list of embeddings.", {
      cause: parsed.error,
    });
  }
  const list = parsed.data;
  const wantsBase64 = request.encoding_format === "base64";
  const data = list.data.map((entry) => ({
    ...entry,
    embedding: toForm(entry.embedding, wantsBase64),
  }));
  observation.promptCounted(list.usage.prompt_tokens);
  return { ...list, data };
}

function toForm(embedding: string | readonly number[], asBase64: boolean): string | number[] {
  if (typeof embedding === "string") return asBase64 ? embedding : base64ToVector(embedding);
  return asBase64 ? vectorToBase64(embedding) : [...embedding];
}

import { type CompletionRequest, InvalidArgumentError, type TokenIds } from "@dyn/protocol";
import type { ModelPipeline } from "../models/model-pipeline.ts";

/** One prompt of a text completion request, or one text to embed. */
export interface PromptInput {
  /** As the client wrote it; `null` when it came as ids. */
  readonly text: string | null;
  readonly tokenIds: TokenIds;
}

export interface PromptInputOptions {
  /** The field's name, for errors. */
  readonly param: string;
  /** Those that the tokenizer's post-processor adds. */
  readonly addSpecialTokens: boolean;
  readonly signal: AbortSignal;
}

/** Every form of `prompt` as a list of token ids. */
export async function toPromptInputs(
  prompt: CompletionRequest["prompt"],
  pipeline: ModelPipeline,
  options: PromptInputOptions,
): Promise<PromptInput[]> {
  const { param } = options;
  if (typeof prompt === "string") return [await encode(prompt, pipeline, options)];
  if (isTokenList(prompt)) return [checkIds(prompt, param, pipeline)];
  const inputs: PromptInput[] = [];
  for (const [i, entry] of prompt.entries()) {
    inputs.push(
      typeof entry === "string"
        ? await encode(entry, pipeline, options)
        : checkIds(entry, `${param}[${i}]`, pipeline),
    );
  }
  return inputs;
}

function isTokenList(prompt: readonly unknown[]): prompt is number[] {
  return typeof prompt[0] === "number";
}

async function encode(
  text: string,
  pipeline: ModelPipeline,
  { addSpecialTokens, signal }: PromptInputOptions,
): Promise<PromptInput> {
  const tokenIds = await pipeline.pool.encode(text, { addSpecialTokens, signal });
  return { text, tokenIds };
}

function checkIds(
  tokenIds: readonly number[],
  param: string,
  { tokenizer }: ModelPipeline,
): PromptInput {
  const position = tokenIds.findIndex((id) => id >= tokenizer.vocabSize);
  if (position === -1) return { text: null, tokenIds };
  throw new InvalidArgumentError(
    `${param}[${position}] is ${tokenIds[position]}, but the model's token ids end at ${tokenizer.vocabSize - 1}.`,
    { param },
  );
}

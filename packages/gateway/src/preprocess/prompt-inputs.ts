import { type CompletionRequest, InvalidArgumentError } from "@dyn/protocol";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import { toNumbers } from "./to-numbers.ts";

/** One prompt of a text completion request. */
export interface PromptInput {
  /** As the client wrote it; `null` when it came as ids. */
  readonly text: string | null;
  readonly tokenIds: readonly number[];
}

/** Every form of `prompt` as a list of token ids. No special tokens are added. */
export async function toPromptInputs(
  prompt: CompletionRequest["prompt"],
  pipeline: ModelPipeline,
  signal: AbortSignal,
): Promise<PromptInput[]> {
  if (typeof prompt === "string") return [await encode(prompt, pipeline, signal)];
  if (isTokenList(prompt)) return [checkIds(prompt, "prompt", pipeline)];
  const inputs: PromptInput[] = [];
  for (const [i, entry] of prompt.entries()) {
    inputs.push(
      typeof entry === "string"
        ? await encode(entry, pipeline, signal)
        : checkIds(entry, `prompt[${i}]`, pipeline),
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
  signal: AbortSignal,
): Promise<PromptInput> {
  return { text, tokenIds: toNumbers(await pipeline.pool.encode(text, { signal })) };
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

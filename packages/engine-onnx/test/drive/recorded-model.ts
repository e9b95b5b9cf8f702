import { readFileSync } from "node:fs";
import { join } from "node:path";

const fixtures = join(import.meta.dirname, "../fixtures");

/** What transformers computed; see fixtures/record/record.py. */
export interface RecordedModel {
  readonly directory: string;
  readonly vocabSize: number;
  readonly prompts: readonly (readonly number[])[];
  /** Per prompt [tokens, vocab]. */
  readonly logits: readonly Float32Array[];
  /** Indexes of prompts. */
  readonly continued: readonly number[];
  readonly continuations: readonly (readonly number[])[];
}

export const recordedModels = [
  "llama-llama3-tied",
  "llama-biases-linear-f16",
  "qwen2-yarn",
  "qwen2-window-untied",
  "qwen3-tied",
  "qwen3-sharded-bf16",
  "mistral-window",
  "mistral-rope-parameters",
] as const;

export function loadRecordedModel(name: (typeof recordedModels)[number]): RecordedModel {
  const directory = join(fixtures, name);
  const { prompts, continued, continuations } = JSON.parse(
    readFileSync(join(directory, "prompts.json"), "utf8"),
  ) as Pick<RecordedModel, "prompts" | "continued" | "continuations">;
  const bytes = readFileSync(join(directory, "logits.bin"));
  const all = new Float32Array(Uint8Array.from(bytes).buffer);
  const vocabSize = all.length / prompts.flat().length;
  let row = 0;
  const logits = prompts.map((prompt) => {
    const start = row;
    row += prompt.length;
    return all.subarray(start * vocabSize, row * vocabSize);
  });
  return { directory, vocabSize, prompts, logits, continued, continuations };
}

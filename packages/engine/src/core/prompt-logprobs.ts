// Log-probabilities of prompt tokens: the first choice of a request computes them chunk by chunk, all choices say them.
import { InternalError } from "@dyn/protocol";
import type { StepResult } from "../contract/executor.ts";
import { promptLogprobs as judgePromptToken } from "../sampler/token-logprobs.ts";
import type { Sequence } from "../scheduler/sequence.ts";

/** Positions in the planned step whose logits judge a prompt token: that of position p judge token p + 1. */
export function promptPositions(sequence: Sequence): { from: number; to: number } | null {
  const { promptLogprobs, request } = sequence.group;
  if (promptLogprobs === null) return null;
  const next = request.promptLogprobs!.start + promptLogprobs.length;
  const from = Math.max(next - 1, 0);
  const to = Math.min(sequence.promptLength - 1, sequence.computed + sequence.planned);
  return from < to ? { from, to } : null;
}

/** Reads the rows of promptPositions, from logit row `first` on. Returns how many there were. */
export function collectPromptLogprobs(
  sequence: Sequence,
  result: StepResult,
  first: number,
  vocabSize: number,
): number {
  const { promptLogprobs, request } = sequence.group;
  if (promptLogprobs === null) return 0;
  const positions = promptPositions(sequence);
  const { start, top } = request.promptLogprobs!;
  if (start === 0 && promptLogprobs.length === 0) promptLogprobs.push(null);
  if (positions === null) return 0;
  if (result.kind !== "logits") {
    throw new InternalError("The executor sampled although log-probabilities were wanted.");
  }
  const count = positions.to - positions.from;
  for (let i = 0; i < count; i++) {
    const row = result.logits.subarray((first + i) * vocabSize, (first + i + 1) * vocabSize);
    const nextToken = sequence.tokens[positions.from + i + 1]!;
    promptLogprobs.push(judgePromptToken(row, nextToken, top));
  }
  return count;
}

// Which rows of a step's logits belong to whom: prompt log-probabilities first, then the next token of a sequence.
import { InternalError } from "@dyn/protocol";
import type { ForwardBatch, StepResult } from "../contract/executor.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { StepPlan } from "../scheduler/step-plan.ts";
import { collectPromptLogprobs } from "./prompt-logprobs.ts";

/** Whether the planned step computes the last known token, and a next one may follow. */
export function wantsNext(sequence: Sequence): boolean {
  return sequence.computed + sequence.planned === sequence.length && sequence.remaining > 0;
}

/** Takes the prompt's log-probabilities; returns for each sequence the row of its next token, -1 = none. */
export function readLogitRows(
  plan: StepPlan,
  batch: ForwardBatch,
  result: StepResult,
  vocabSize: number,
): Int32Array {
  const rows = new Int32Array(plan.sequences.length);
  let logit = 0;
  for (const [i, sequence] of plan.sequences.entries()) {
    if (plan.kind === "prefill") {
      logit += collectPromptLogprobs(sequence, result, logit, vocabSize);
    }
    rows[i] = wantsNext(sequence) ? logit++ : -1;
  }
  if (logit !== batch.logitPositions.length) throw new InternalError("Logits were miscounted.");
  return rows;
}

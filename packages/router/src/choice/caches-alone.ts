import { type PreprocessedRequest, readResumeField } from "@dyn/protocol";
import type { WorkerFacts } from "../intake/worker-facts.ts";

/**
 * Whether the cached tokens that a worker reports are those that it found in its own cache when the prompt came: not where
 * another worker prefills, where an answer goes on, where choices share a prompt, or where all of it is computed for its
 * log-probabilities.
 */
export function cachesAlone(request: PreprocessedRequest, pool: WorkerFacts["pool"]): boolean {
  if (pool === "decode" || request.prefill_result != null) return false;
  if (readResumeField(request) !== null || (request.sampling_options.n ?? 1) > 1) return false;
  return request.output_options.prompt_logprobs == null;
}

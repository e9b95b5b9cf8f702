// What a frontend sends to a worker: text ends here, only token ids travel.
// Field names and nullability are the wire's (Dynamo 1.6.1), so they stay snake_case.
import { z } from "zod";
import { BootstrapInfo } from "./bootstrap-info.ts";
import { Seed } from "./seed.ts";

const tokenId = z.number().int().nonnegative();
const optionalNumber = z.number().nullish();
const optionalBoolean = z.boolean().nullish();

/** One of json, regex, choice, grammar (GBNF) and structural_tag; `null` and absent are the same. */
export const GuidedDecoding = z.object({
  /** A JSON schema, as an object or as its text. */
  json: z.unknown().optional(),
  regex: z.string().nullish(),
  choice: z.array(z.string()).nullish(),
  grammar: z.string().nullish(),
  structural_tag: z.unknown().optional(),
  backend: z.string().nullish(),
  whitespace_pattern: z.string().nullish(),
});
export type GuidedDecoding = z.infer<typeof GuidedDecoding>;

export const StopConditions = z.object({
  max_tokens: z.number().int().nonnegative().nullish(),
  stop: z.array(z.string()).nullish(),
  stop_token_ids: z.array(tokenId).nullish(),
  stop_token_ids_visible: z.array(tokenId).nullish(),
  /** The model's end-of-sequence ids: they end the answer and are not shown. */
  stop_token_ids_hidden: z.array(tokenId).nullish(),
  min_tokens: z.number().int().nonnegative().nullish(),
  ignore_eos: optionalBoolean,
  max_thinking_tokens: z.number().int().nonnegative().nullish(),
});
export type StopConditions = z.infer<typeof StopConditions>;

export const SamplingOptions = z.object({
  n: z.number().int().positive().nullish(),
  best_of: z.number().int().positive().nullish(),
  presence_penalty: optionalNumber,
  frequency_penalty: optionalNumber,
  repetition_penalty: optionalNumber,
  temperature: optionalNumber,
  top_p: optionalNumber,
  top_k: z.number().int().nullish(),
  min_p: optionalNumber,
  use_beam_search: optionalBoolean,
  length_penalty: optionalNumber,
  seed: Seed.nullish(),
  include_stop_str_in_output: optionalBoolean,
  guided_decoding: GuidedDecoding.nullish(),
  /** Token id (as a string) to bias; ours: the reference drops it before the worker. */
  logit_bias: z.record(z.string(), z.number()).nullish(),
});
export type SamplingOptions = z.infer<typeof SamplingOptions>;

export const OutputOptions = z.object({
  /** Number of alternatives; 0 = the chosen token only; null = none. */
  logprobs: z.number().int().nonnegative().nullish(),
  prompt_logprobs: z.number().int().nonnegative().nullish(),
  skip_special_tokens: optionalBoolean,
  formatted_prompt: optionalBoolean,
  return_tokens_as_token_ids: optionalBoolean,
});
export type OutputOptions = z.infer<typeof OutputOptions>;

const instanceId = z.union([z.number().int().nonnegative(), z.bigint()]).nullish();
const count = z.number().int().nonnegative().nullish();

export const Routing = z.looseObject({
  backend_instance_id: instanceId,
  prefill_worker_id: instanceId,
  decode_worker_id: instanceId,
  dp_rank: count,
  prefill_dp_rank: count,
  expected_output_tokens: count,
  cache_salt: z.string().nullish(),
  priority: z.number().int().nullish(),
  strict_priority: count,
  /** The priority in seconds that a request jumps ahead in a router's queue. */
  priority_jump: z.number().nullish(),
  routing_constraints: z.unknown().optional(),
});
export type Routing = z.infer<typeof Routing>;

/**
 * Prompt ids: numbers on the wire, a Uint32Array inside a process. Checked in one plain loop,
 * since a prompt may hold a hundred thousand of them.
 */
export const TokenIds = z
  .custom<readonly number[] | Uint32Array>(isTokenIds, "must be an array of integers from 0 on")
  .meta({ override: { type: "array", items: { type: "integer", minimum: 0 } } });
export type TokenIds = z.infer<typeof TokenIds>;

function isTokenIds(value: unknown): boolean {
  if (value instanceof Uint32Array) return true;
  if (!Array.isArray(value)) return false;
  for (let i = 0; i < value.length; i++) {
    const id: unknown = value[i];
    if (typeof id !== "number" || id < 0 || id > 0xffff_ffff || !Number.isInteger(id)) return false;
  }
  return true;
}

export const PreprocessedRequest = z.looseObject({
  model: z.string(),
  token_ids: TokenIds,
  stop_conditions: StopConditions,
  sampling_options: SamplingOptions,
  output_options: OutputOptions,
  eos_token_ids: z.array(tokenId),
  mdc_sum: z.string().nullish(),
  annotations: z.array(z.string()),
  routing: Routing.nullish(),
  router_config_override: z.unknown().optional(),
  /** Guided decoding begins after the reasoning. */
  require_reasoning: optionalBoolean,
  /** The prompt is prefilled elsewhere, or for a worker elsewhere: they meet there. */
  bootstrap_info: BootstrapInfo.nullish(),
  /** What a prefill worker that was asked first has said. */
  prefill_result: z.looseObject({ disaggregated_params: z.unknown() }).nullish(),
  /** A health check: a prefill worker answers with what its engine says. */
  _HEALTH_CHECK: optionalBoolean,
});
export type PreprocessedRequest = z.infer<typeof PreprocessedRequest>;

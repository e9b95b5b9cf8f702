// `nvext`: what a request may say beyond OpenAI's fields (Dynamo 1.6.1).
import { z } from "zod";
import {
  flag,
  integerBetween,
  jsonObject,
  maxI32,
  maxU32,
  nonEmptyText,
  text,
  tokenId,
} from "./fields.ts";
import { listOf } from "./list-of.ts";

const maxU64 = 2n ** 64n - 1n;
const u64Error = "must be a whole number between 0 and 2^64 - 1";

/** An instance id: as a number where it is exact, else as a string of its digits. */
const U64 = z
  .union([z.number(), z.string().regex(/^\d{1,20}$/, { error: u64Error })], { error: u64Error })
  .refine((value) => typeof value === "string" || (Number.isSafeInteger(value) && value >= 0), {
    error: u64Error,
  })
  .transform((value) => BigInt(value))
  .refine((value) => value <= maxU64, { error: u64Error });

const rank = integerBetween(0, maxU32);
const names = listOf(nonEmptyText, { max: 64, error: "must be a list of at most 64 names" });

export const AgentHints = z.strictObject(
  {
    priority: integerBetween(-maxI32, maxI32).nullish(),
    strict_priority: integerBetween(0, maxU32).nullish(),
    /** Expected length of the answer in tokens. */
    osl: integerBetween(0, maxU32).nullish(),
    speculative_prefill: flag.nullish(),
    /** Another way to say priority; older. */
    latency_sensitivity: z.number({ error: "must be a number" }).nullish(),
  },
  { error: "must be an object" },
);

const RoutingConstraints = z.strictObject(
  { required_taints: names.nullish(), preferred_taints: jsonObject.or(names).nullish() },
  { error: "must be an object" },
);

const weightError = "must be a number of at least 0";
const weight = z.number({ error: weightError }).gte(0, { error: weightError }).nullish();

/** Weights of this request's choice, where the frontend routes by KV caches. */
const RouterOverride = z.strictObject(
  {
    overlap_score_credit: weight,
    overlap_score_credit_decay: weight,
    /** Older: the scale of the prefill load; 0 takes the credit off too. */
    overlap_score_weight: weight,
    prefill_load_scale: weight,
    router_temperature: weight,
    track_prefill_tokens: flag.nullish(),
    /** For planners above frontends; without meaning here. */
    ttft_target: weight,
    itl_target: weight,
  },
  { error: "must be an object" },
);

export const Nvext = z.strictObject(
  {
    greed_sampling: flag.nullish(),
    use_raw_prompt: flag.nullish(),
    annotations: names.nullish(),
    backend_instance_id: U64.nullish(),
    prefill_worker_id: U64.nullish(),
    decode_worker_id: U64.nullish(),
    dp_rank: rank.nullish(),
    prefill_dp_rank: rank.nullish(),
    /** Takes the place of the prompt: template and tokenizer are passed over. */
    token_data: listOf(tokenId, {
      min: 1,
      max: 4_194_304,
      error: "must be a list of token ids",
    }).nullish(),
    max_thinking_tokens: integerBetween(0, maxU32).nullish(),
    cache_salt: text.nullish(),
    extra_fields: names.nullish(),
    metadata_upload: jsonObject.nullish(),
    agent_hints: AgentHints.nullish(),
    request_timestamp_ms: z.number({ error: "must be a number" }).nullish(),
    routing_constraints: RoutingConstraints.nullish(),
    router: RouterOverride.nullish(),
  },
  { error: "must be an object" },
);
export type Nvext = z.infer<typeof Nvext>;

import { z } from "zod";

const count = z.number().int().min(1);
const rank = z.number().int().min(0);

/** What a prefill rank says of itself: the body of SGLang's `PUT /route`. */
export const rankRegistrationSchema = z.object({
  attn_tp_size: count,
  attn_tp_rank: rank,
  attn_cp_size: count.default(1),
  attn_cp_rank: rank.default(0),
  attn_dp_size: count.default(1),
  attn_dp_rank: rank.default(0),
  pp_size: count.default(1),
  pp_rank: rank.default(0),
  system_dp_size: count.default(1),
  system_dp_rank: rank.default(0),
  rank_ip: z.string().min(1),
  rank_port: z.number().int().min(1).max(65535),
  page_size: count,
  kv_cache_dtype: z.string().default("auto"),
  load_balance_method: z.string().default("follow_bootstrap_room"),
  enable_dsa_cache_layer_split: z.boolean().default(false),
  prefill_http_port: z.number().int().nullable().default(null),
});

export type RankRegistration = z.infer<typeof rankRegistrationSchema>;

/** SGLang's answer to a query for the topology; more fields may come. */
export const topologySchema = z.object({
  attn_tp_size: count,
  dp_size: count,
  page_size: count.nullable().optional(),
  follow_bootstrap_room: z.boolean().default(true),
});

export type Topology = z.infer<typeof topologySchema>;

export const rankAddressSchema = z.object({
  rank_ip: z.string().min(1),
  rank_port: z.number().int().min(1).max(65535),
});

export type RankAddress = z.infer<typeof rankAddressSchema>;

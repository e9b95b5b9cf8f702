// The requests by which workers are probed, by their type (Dynamo 1.6.1).
import { z } from "zod";
import { BootstrapInfo } from "./bootstrap-info.ts";
import { PreprocessedRequest } from "./preprocessed-request.ts";

/** Of an aggregated worker. */
export const TokenHealthPayload = PreprocessedRequest.pick({
  stop_conditions: true,
  sampling_options: true,
  eos_token_ids: true,
  annotations: true,
  token_ids: true,
});
export type TokenHealthPayload = z.infer<typeof TokenHealthPayload>;

/** Of a prefill or decode worker: its host is 2.2.2.2, whom nobody meets. */
export const DisaggregatedHealthPayload = TokenHealthPayload.extend({
  bootstrap_info: BootstrapInfo,
  _HEALTH_CHECK: z.literal(true),
});
export type DisaggregatedHealthPayload = z.infer<typeof DisaggregatedHealthPayload>;

export const EmbeddingHealthPayload = z.looseObject({
  model: z.string(),
  /** Token ids. */
  input: z.array(z.number().int().nonnegative()).min(1),
});
export type EmbeddingHealthPayload = z.infer<typeof EmbeddingHealthPayload>;

export const RerankHealthPayload = z.looseObject({
  model: z.string(),
  query: z.string().min(1),
  documents: z.array(z.string().min(1)).min(1),
});
export type RerankHealthPayload = z.infer<typeof RerankHealthPayload>;

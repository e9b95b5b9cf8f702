// The requests by which workers are probed, by their type (Dynamo 1.6.1).
import { z } from "zod";
import { ImageRequest } from "../media/image-request.ts";
import { VideoRequest } from "../media/video-request.ts";
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

/** Of a worker that takes text. */
export const TextHealthPayload = TokenHealthPayload.omit({ token_ids: true }).extend({
  prompt: z.string().min(1),
});
export type TextHealthPayload = z.infer<typeof TextHealthPayload>;

/** Of a prefill or decode worker: its host is 2.2.2.2, whom nobody meets. */
export const DisaggregatedHealthPayload = TokenHealthPayload.extend({
  bootstrap_info: BootstrapInfo,
  _HEALTH_CHECK: z.literal(true),
});
export type DisaggregatedHealthPayload = z.infer<typeof DisaggregatedHealthPayload>;

export const EmbeddingHealthPayload = z.looseObject({
  model: z.string(),
  /** Token ids, or a text where the worker tokenizes. */
  input: z.union([z.array(z.number().int().nonnegative()).min(1), z.string().min(1)]),
});
export type EmbeddingHealthPayload = z.infer<typeof EmbeddingHealthPayload>;

export const RerankHealthPayload = z.looseObject({
  model: z.string(),
  query: z.string().min(1),
  documents: z.array(z.string().min(1)).min(1),
});
export type RerankHealthPayload = z.infer<typeof RerankHealthPayload>;

const steps = z.number().int().positive();
const guidance = z.number().min(0);

/** Its steps stand at the top level, where image workers of the reference pass them by and take 50. */
export const ImageHealthPayload = ImageRequest.extend({
  size: ImageRequest.shape.size.unwrap().unwrap(),
  num_inference_steps: steps,
  guidance_scale: guidance,
  response_format: z.literal("b64_json"),
});
export type ImageHealthPayload = z.infer<typeof ImageHealthPayload>;

export const VideoHealthPayload = VideoRequest.extend({
  seconds: z.number().positive(),
  size: VideoRequest.shape.size.unwrap().unwrap(),
  response_format: z.literal("b64_json"),
  nvext: z.looseObject({
    fps: steps,
    num_frames: steps,
    num_inference_steps: steps,
    guidance_scale: guidance,
  }),
});
export type VideoHealthPayload = z.infer<typeof VideoHealthPayload>;

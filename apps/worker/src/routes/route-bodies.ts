// What the engine's routes take: the reference's fields, with its defaults. Fields of other devices are taken and have no
// effect; unknown ones are faults.
import { z } from "zod";

const Tags = z.object({ tags: z.array(z.string()).nullish() });
const noEffect = z.unknown().optional();

export const PauseBody = z.object({
  mode: z.enum(["abort", "retract", "in_place"]).default("abort"),
});
export const ContinueBody = z.object({ torch_empty_cache: noEffect });
export const MemoryBody = Tags;
export const FlushBody = z.object({ timeout: z.number().min(0).optional() });

export const FromDiskBody = z.strictObject({
  model_path: z.string().min(1),
  load_format: noEffect,
  abort_all_requests: z.boolean().nullish(),
  weight_version: z.string().nullish(),
  is_async: noEffect,
  torch_empty_cache: noEffect,
  keep_pause: z.boolean().nullish(),
  recapture_cuda_graph: noEffect,
  token_step: noEffect,
  flush_cache: z.boolean().nullish(),
  manifest: noEffect,
});

export const FromTensorBody = z.strictObject({
  serialized_named_tensors: z.array(z.base64()).min(1),
  load_format: z.string().nullish(),
  flush_cache: z.boolean().nullish(),
  abort_all_requests: z.boolean().nullish(),
  weight_version: z.string().nullish(),
  selector: z.enum(["target", "draft", "all"]).nullish(),
  torch_empty_cache: noEffect,
});

export const VersionBody = z.object({
  new_version: z.string(),
  abort_all_requests: z.boolean().nullish(),
});

export const ProfileBody = z.strictObject({
  output_dir: z.string().min(1).nullish(),
  start_step: z.number().int().min(0).nullish(),
  num_steps: z.number().int().min(1).nullish(),
  activities: z.array(z.string()).nullish(),
  profile_by_stage: noEffect,
  with_stack: noEffect,
  record_shapes: noEffect,
  profile_id: z.string().nullish(),
  merge_profiles: noEffect,
  profile_prefix: z.string().nullish(),
  profile_stages: noEffect,
  detailed_annotations: noEffect,
});

/** Throws with the fields that are wrong and why. */
export function parseBody<Body>(schema: z.ZodType<Body>, body: unknown): Body {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new TypeError(z.prettifyError(parsed.error));
}

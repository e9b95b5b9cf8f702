// What the engine's routes take: the reference's fields, with its defaults. Fields of other devices are taken and have no
// effect; unknown ones are faults.
import { defaultGroupName } from "@dyn/weights";
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

const groupName = z.string().min(1).default(defaultGroupName);

export const JoinGroupBody = z.strictObject({
  master_address: z.string().min(1),
  master_port: z.number().int().min(1).max(65535),
  rank_offset: z.number().int().min(1),
  world_size: z.number().int().min(2).max(1024),
  group_name: groupName,
  backend: z.string().default("nccl"),
});

export const LeaveGroupBody = z.strictObject({ group_name: groupName });

export const FromDistributedBody = z.strictObject({
  names: z.array(z.string().min(1)).min(1),
  dtypes: z.array(z.string()),
  shapes: z.array(z.array(z.number().int().min(0))),
  group_name: groupName,
  flush_cache: z.boolean().nullish(),
  abort_all_requests: z.boolean().nullish(),
  weight_version: z.string().nullish(),
  load_format: noEffect,
  selector: noEffect,
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

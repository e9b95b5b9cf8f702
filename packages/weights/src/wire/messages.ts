// What goes over the connection: lines of JSON, and behind the line of a tensor its numbers, little-endian.
//   engine:  Hello
//   trainer: Welcome, once everybody has come, or why not
//   trainer: for each tensor TensorLine, then `bytes` bytes
import { z } from "zod";

/** SGLang's. */
export const defaultGroupName = "weight_update_group";
export const protocolName = "dyn-weights/1";
export const maxLineBytes = 64 * 1024;

export interface TensorShape {
  readonly name: string;
  /** `float32`, `float16`, `bfloat16`; `torch.` before it is passed over. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

export const Hello = z.object({
  protocol: z.literal(protocolName),
  group: z.string(),
  /** The trainer is 0. */
  rank: z.number().int().min(1),
  world_size: z.number().int().min(2),
});
export type Hello = z.infer<typeof Hello>;

export const Welcome = z.object({ ok: z.boolean(), message: z.string().optional() });
export type Welcome = z.infer<typeof Welcome>;

export const TensorLine = z.object({
  name: z.string(),
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  bytes: z.number().int().nonnegative(),
});
export type TensorLine = z.infer<typeof TensorLine>;

export function toLine(message: Hello | Welcome | TensorLine): string {
  return `${JSON.stringify(message)}\n`;
}

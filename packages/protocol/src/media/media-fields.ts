// What requests for images and for videos have in common.
import { z } from "zod";
import {
  integerBetween,
  jsonObject,
  maxU32,
  nonEmptyText,
  numberBetween,
  text,
} from "../openai/fields.ts";

const sizeError = 'must be WIDTHxHEIGHT in pixels, like "1024x1024"';
export const mediaSize = z
  .string({ error: sizeError })
  .regex(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/, { error: sizeError });

/** An address of an image, or a path that the worker may read. */
export const inputReference = text.regex(/\S/, {
  error: "must be the address of an image, or left out",
});

/** A file in a form. */
export const uploadedFile = z
  .unknown()
  .meta({ override: { type: "string", format: "binary", description: "A file." } });

/** What diffusion workers read of `nvext`. */
export const mediaHints = {
  negative_prompt: text.nullish(),
  num_inference_steps: integerBetween(0, maxU32).nullish(),
  guidance_scale: numberBetween(0, 1_000).nullish(),
  /** 0 is a seed like any other. */
  seed: integerBetween(0, Number.MAX_SAFE_INTEGER).nullish(),
  annotations: z.array(nonEmptyText).nullish(),
} as const;

/** Further top-level fields travel here; what a worker does not know it passes over. */
export const MediaExtraArgs = z.looseObject({ media_passthrough: jsonObject.optional() });

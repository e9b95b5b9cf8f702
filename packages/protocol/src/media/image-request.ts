// The bodies of POST /v1/images/generations and /v1/images/edits, and the answer (Dynamo 1.6.1).
// Workers of type `images` take the body as it is and answer with one ImageList.
import { z } from "zod";
import { integerBetween, nonEmptyText, text } from "../openai/fields.ts";
import {
  inputReference,
  MediaExtraArgs,
  mediaHints,
  mediaSize,
  uploadedFile,
} from "./media-fields.ts";

export const ImageRequest = z.looseObject(
  {
    model: nonEmptyText,
    prompt: nonEmptyText,
    n: integerBetween(1, 10).nullish(),
    /** Default 1024x1024; `auto` is the default. */
    size: z
      .union([z.literal("auto"), mediaSize], { error: 'must be "auto" or WIDTHxHEIGHT' })
      .nullish(),
    quality: text.nullish(),
    /** Default url. */
    response_format: z
      .enum(["url", "b64_json"], { error: "must be one of url, b64_json" })
      .nullish(),
    user: text.nullish(),
    /** The image to start from. */
    input_reference: inputReference.nullish(),
    nvext: z.looseObject(mediaHints, { error: "must be an object" }).nullish(),
    stream: z.literal(false, { error: "must be false: images do not come as a stream" }).nullish(),
    extra_args: MediaExtraArgs.nullish(),
  },
  { error: "must be an object" },
);
export type ImageRequest = z.infer<typeof ImageRequest>;

export const ImageEditRequest = ImageRequest.extend({
  input_reference: inputReference,
});
export type ImageEditRequest = z.infer<typeof ImageEditRequest>;

/** The same as a form, as OpenAI's clients send it. For documents: a form is checked as the body that it becomes. */
export const ImageEditForm = ImageRequest.omit({ input_reference: true }).extend({
  image: uploadedFile,
  mask: uploadedFile.optional(),
});

export const ImageList = z.looseObject({
  /** Unix seconds. */
  created: z.number().int(),
  data: z.array(
    z.looseObject({
      url: z.string().nullish(),
      b64_json: z.string().nullish(),
      revised_prompt: z.string().nullish(),
    }),
  ),
  background: z.string().nullish(),
  output_format: z.string().nullish(),
  size: z.string().nullish(),
  quality: z.string().nullish(),
  usage: z.looseObject({}).nullish(),
});
export type ImageList = z.infer<typeof ImageList>;

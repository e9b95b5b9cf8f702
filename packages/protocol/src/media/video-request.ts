// The body of POST /v1/videos and /v1/videos/stream, and the answer (Dynamo 1.6.1).
// Workers of type `videos` take the body as it is and answer with Videos: one, or one per frame on the stream.
import { z } from "zod";
import {
  integerBetween,
  nonEmptyText,
  numberAboveUpTo,
  numberBetween,
  text,
} from "../openai/fields.ts";
import {
  inputReference,
  MediaExtraArgs,
  mediaHints,
  mediaSize,
  uploadedFile,
} from "./media-fields.ts";

export const VideoRequest = z.looseObject(
  {
    model: nonEmptyText,
    prompt: nonEmptyText,
    /** Default 4. */
    seconds: numberAboveUpTo(0, 3_600).nullish(),
    /** Default 832x480. */
    size: mediaSize.nullish(),
    /** Default url. */
    response_format: z
      .enum(["url", "b64_json"], { error: "must be one of url, b64_json" })
      .nullish(),
    output_format: z.literal("mp4", { error: "must be mp4" }).nullish(),
    /** The image that the video begins with. */
    input_reference: inputReference.nullish(),
    user: text.nullish(),
    nvext: z
      .looseObject(
        {
          ...mediaHints,
          /** Frames per second; default 24. */
          fps: integerBetween(1, 240).nullish(),
          /** Default: fps times seconds. */
          num_frames: integerBetween(1, 100_000).nullish(),
          boundary_ratio: numberBetween(0, 1).nullish(),
          guidance_scale_2: numberBetween(0, 1_000).nullish(),
        },
        { error: "must be an object" },
      )
      .nullish(),
    extra_args: MediaExtraArgs.nullish(),
  },
  { error: "must be an object" },
);
export type VideoRequest = z.infer<typeof VideoRequest>;

/** The same as a form, as OpenAI's clients send it. For documents: a form is checked as the body that it becomes. */
export const VideoForm = VideoRequest.extend({ input_reference: uploadedFile.optional() });

export const Video = z.looseObject({
  id: z.string(),
  object: z.literal("video"),
  model: z.string(),
  status: z.enum(["queued", "in_progress", "completed", "failed"]),
  /** Percent. */
  progress: z.number(),
  /** Unix seconds. */
  created: z.number().int(),
  data: z.array(
    z.looseObject({
      output_format: z.string().nullish(),
      url: z.string().nullish(),
      b64_json: z.string().nullish(),
    }),
  ),
  /** What went wrong, when the status is failed. */
  error: z.string().nullish(),
  inference_time_s: z.number().nullish(),
});
export type Video = z.infer<typeof Video>;

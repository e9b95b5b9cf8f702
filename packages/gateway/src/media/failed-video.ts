// What clients of videos read of a failure: a video that came to nothing, under the status of the error's kind.
import { randomUUID } from "node:crypto";
import { DynError, type Video } from "@dyn/protocol";
import type { ErrorFormat } from "../errors/error-format.ts";
import { errorToBody } from "../errors/error-to-body.ts";

/** Errors as failed videos of the model. They are whole answers: no stream of events ends with one. */
export function createVideoErrors(options: {
  readonly model: string;
  readonly nowMs: () => number;
}): ErrorFormat {
  const toBody = (error: unknown): Video =>
    workerVideoOf(error) ?? {
      id: `video-${randomUUID()}`,
      object: "video",
      model: options.model,
      status: "failed",
      progress: 0,
      created: Math.floor(options.nowMs() / 1000),
      data: [],
      error: errorToBody(error).error.message,
    };
  return { toBody, toLastEvents: () => "" };
}

/** Throws when the worker says that it failed. It does not say of which kind: only that it is not the client's to mend. */
export function checkVideo(video: Video): Video {
  if (video.status !== "failed") return video;
  const message = video.error ?? "The worker could not make the video, and did not say why.";
  throw Object.assign(new DynError(message, { code: "DYN_GATEWAY_VIDEO_FAILED", status: 500 }), {
    video,
  });
}

function workerVideoOf(error: unknown): Video | undefined {
  return DynError.is(error) ? (error as DynError & { readonly video?: Video }).video : undefined;
}

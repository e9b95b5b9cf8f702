// POST /v1/videos and /v1/videos/stream, while a model of videos is served.
import { InternalError, Video, VideoForm, VideoRequest } from "@dyn/protocol";
import { incompleteStream } from "../errors/gateway-errors.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { checkVideo, createVideoErrors } from "../media/failed-video.ts";
import { FrameWriter } from "../media/frame-writer.ts";
import { withReference } from "../media/read-reference.ts";
import { toWorkerBody } from "../media/to-worker-body.ts";
import { askWorker } from "../models/ask-worker.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { checkBody } from "../validation/check-body.ts";
import { createFormReader } from "../validation/read-body-value.ts";
import { answerGeneration, type GenerationTask } from "./answer-generation.ts";

const readBody = createFormReader(VideoRequest);

export function videosRoutes(context: GatewayContext): Route[] {
  const missing = () => context.models.whyNot("videos");
  return [
    {
      method: "POST",
      path: "/v1/videos",
      doc: {
        tag: "OpenAI",
        summary: "A video from words; answered when it is made.",
        request: { VideoRequest },
        form: { VideoForm },
        response: { Video },
      },
      missing,
      handle: (exchange) =>
        answerGeneration(
          context,
          exchange,
          "videos",
          (body, task) =>
            withPipeline(context, body, task, false, (pipeline, asked) =>
              answerVideo(pipeline, asked, task),
            ),
          readBody,
        ),
    },
    {
      method: "POST",
      path: "/v1/videos/stream",
      doc: {
        tag: "OpenAI",
        summary: "A video from words, picture by picture as they are made.",
        request: { VideoRequest },
        form: { VideoForm },
        contentType: "multipart/x-mixed-replace; boundary=frame",
      },
      missing,
      handle: (exchange) => answerFrames(context, exchange),
    },
  ];
}

async function withPipeline(
  context: GatewayContext,
  body: unknown,
  { exchange, observation }: GenerationTask,
  isStream: boolean,
  answer: (pipeline: BasePipeline, asked: Record<string, unknown>) => Promise<void>,
): Promise<void> {
  const request = checkBody(VideoRequest, withReference(body, { upload: null }));
  const isKnown = context.models.find(request.model) !== undefined;
  observation.describe(isKnown ? request.model : null, isStream);
  const pipeline = context.models.pick(request.model, "videos");
  const model = pipeline.card.displayName;
  // From here on a failure has the shape of a video, which its clients read.
  exchange.errorFormat = createVideoErrors({ model, nowMs: context.nowMs });
  await pipeline.use(() => {
    observation.passedOn();
    return answer(pipeline, toWorkerBody({ ...request, model }, VideoRequest));
  });
}

async function answerVideo(
  pipeline: BasePipeline,
  asked: Record<string, unknown>,
  { exchange, observation }: GenerationTask,
): Promise<void> {
  const answer = await askWorker(pipeline.workers, asked, { exchange, observation });
  sendJson(exchange.response, 200, toVideo(answer));
}

async function answerFrames(context: GatewayContext, exchange: Exchange): Promise<void> {
  const frames = new FrameWriter(exchange, context.limits);
  const answer = (body: unknown, task: GenerationTask) =>
    withPipeline(context, body, task, true, async (pipeline, asked) => {
      const { request, signal } = exchange;
      const stream = pipeline.workers.generate(asked, {
        signal,
        requestId: objectIdOf(request),
        trace: task.observation.trace,
        onRouted: () => task.observation.routed(),
      });
      for await (const { data } of stream) {
        if (data === undefined) continue;
        for (const { b64_json: picture } of toVideo(data).data) {
          if (picture != null) await frames.write(picture);
        }
      }
      signal.throwIfAborted();
      if (!frames.hasBegun) throw incompleteStream();
      frames.end();
    });
  await answerGeneration(context, exchange, "videos", answer, readBody);
}

function toVideo(answer: unknown): Video {
  const parsed = Video.safeParse(answer);
  if (parsed.success) return checkVideo(parsed.data);
  throw new InternalError("A worker's answer is no video.", { cause: parsed.error });
}

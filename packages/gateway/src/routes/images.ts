// POST /v1/images/generations and /v1/images/edits, while a model of images is served.
import { ImageEditRequest, ImageList, ImageRequest, InternalError } from "@dyn/protocol";
import type { z } from "zod";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { toWorkerBody } from "../media/to-worker-body.ts";
import { askWorker } from "../models/ask-worker.ts";
import type { OperationDoc } from "../openapi/operation.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration } from "./answer-generation.ts";

export function imagesRoutes(context: GatewayContext): Route[] {
  const route = (
    path: string,
    doc: Omit<OperationDoc, "tag" | "response">,
    schema: typeof ImageRequest | typeof ImageEditRequest,
    endpoint: string,
  ): Route => ({
    method: "POST",
    path,
    doc: { tag: "OpenAI", ...doc, response: { ImageList } },
    missing: () => context.models.whyNot("images"),
    handle: (exchange) => answerImages(context, exchange, schema, endpoint),
  });
  return [
    route(
      "/v1/images/generations",
      { summary: "Pictures from words.", request: { ImageRequest } },
      ImageRequest,
      "images",
    ),
    route(
      "/v1/images/edits",
      { summary: "A picture from another one and words.", request: { ImageEditRequest } },
      ImageEditRequest,
      "images_edits",
    ),
  ];
}

function answerImages(
  context: GatewayContext,
  exchange: Exchange,
  schema: z.ZodObject,
  endpoint: string,
): Promise<void> {
  return answerGeneration(context, exchange, endpoint, async (body, { observation }) => {
    const request = checkBody(schema, body) as ImageRequest;
    const isKnown = context.models.find(request.model) !== undefined;
    observation.describe(isKnown ? request.model : null, false);
    const pipeline = context.models.pick(request.model, "images");
    const answer = await pipeline.use(() => {
      observation.passedOn();
      const asked = toWorkerBody({ ...request, model: pipeline.card.displayName }, schema);
      return askWorker(pipeline.workers, asked, { exchange, observation });
    });
    const parsed = ImageList.safeParse(answer);
    if (!parsed.success) {
      throw new InternalError("A worker's answer is no list of images.", { cause: parsed.error });
    }
    sendJson(exchange.response, 200, toAnswer(parsed.data));
  });
}

/** Every field stands there, as in the reference: `null` where the worker did not say. */
function toAnswer(list: ImageList): ImageList {
  const { created, data, ...rest } = list;
  return {
    created,
    data: data.map(({ revised_prompt: revised = null, ...image }) => ({
      ...withoutNulls(image),
      revised_prompt: revised,
    })),
    background: null,
    output_format: null,
    size: null,
    quality: null,
    usage: null,
    ...rest,
  };
}

function withoutNulls(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null));
}

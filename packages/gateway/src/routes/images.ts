// POST /v1/images/generations and /v1/images/edits, while a model of images is served.
import {
  ImageEditForm,
  ImageEditRequest,
  ImageList,
  ImageRequest,
  InternalError,
} from "@dyn/protocol";
import type { z } from "zod";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { withReference } from "../media/read-reference.ts";
import { toWorkerBody } from "../media/to-worker-body.ts";
import { askWorker } from "../models/ask-worker.ts";
import type { OperationDoc } from "../openapi/operation.ts";
import { checkBody } from "../validation/check-body.ts";
import { type BodyReader, createFormReader, readJson } from "../validation/read-body-value.ts";
import { answerGeneration, type GenerationTask } from "./answer-generation.ts";

interface ImagesKind {
  readonly path: string;
  readonly doc: Omit<OperationDoc, "tag" | "response">;
  readonly schema: typeof ImageRequest | typeof ImageEditRequest;
  /** As metrics call it. */
  readonly endpoint: string;
  /** The field of OpenAI's clients that holds the picture to start from. */
  readonly upload: string | null;
  readonly readBody: BodyReader;
}

export function imagesRoutes(context: GatewayContext): Route[] {
  const kinds: readonly ImagesKind[] = [
    {
      path: "/v1/images/generations",
      doc: { summary: "Pictures from words.", request: { ImageRequest } },
      schema: ImageRequest,
      endpoint: "images",
      upload: null,
      readBody: readJson,
    },
    {
      path: "/v1/images/edits",
      doc: {
        summary: "A picture from another one and words.",
        request: { ImageEditRequest },
        form: { ImageEditForm },
      },
      schema: ImageEditRequest,
      endpoint: "images_edits",
      upload: "image",
      readBody: createFormReader(ImageEditRequest),
    },
  ];
  return kinds.map((kind) => ({
    method: "POST",
    path: kind.path,
    doc: { tag: "OpenAI", ...kind.doc, response: { ImageList } },
    missing: () => context.models.whyNot("images"),
    handle: (exchange) => answerImages(context, exchange, kind),
  }));
}

function answerImages(
  context: GatewayContext,
  exchange: Exchange,
  { schema, endpoint, upload, readBody }: ImagesKind,
): Promise<void> {
  const answer = async (body: unknown, { observation }: GenerationTask) => {
    const request = checkBody<z.ZodType>(schema, withReference(body, { upload })) as ImageRequest;
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
  };
  return answerGeneration(context, exchange, endpoint, answer, readBody);
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

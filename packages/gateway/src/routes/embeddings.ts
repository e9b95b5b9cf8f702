// POST /v1/embeddings
import { EmbeddingList, EmbeddingRequest } from "@dyn/protocol";
import { embedTokens } from "../embeddings/embed-tokens.ts";
import { passOnText } from "../embeddings/pass-on-text.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration } from "./answer-generation.ts";

export function embeddingsRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/v1/embeddings",
    doc: {
      tag: "OpenAI",
      summary: "The vectors of texts.",
      request: { EmbeddingRequest },
      response: { EmbeddingList },
    },
    handle: (exchange) =>
      answerGeneration(context, exchange, "embeddings", async (body, task) => {
        const request = checkBody(EmbeddingRequest, body);
        const isKnown = context.models.find(request.model) !== undefined;
        task.observation.describe(isKnown ? request.model : null, false);
        const pipeline = context.models.pick(request.model, "embedding");
        const list = await pipeline.use(() =>
          pipeline instanceof ModelPipeline
            ? embedTokens(pipeline, request, task)
            : passOnText(pipeline, request, task),
        );
        sendJson(exchange.response, 200, list);
      }),
  };
}

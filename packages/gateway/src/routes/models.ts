// GET /v1/models and GET /v1/models/{id}, whose id may contain slashes.
import type { ModelList, ModelObject } from "@dyn/protocol";
import { unknownModel } from "../errors/gateway-errors.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";

export function modelRoutes({ models }: GatewayContext): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/models",
      handle: ({ response }) => {
        const list: ModelList = { object: "list", data: models.list().map(toModelObject) };
        sendJson(response, 200, list);
      },
    },
    {
      method: "GET",
      path: "/v1/models/*",
      handle: ({ path, response }) => {
        const id = path.slice("/v1/models/".length);
        const pipeline = models.find(id);
        if (pipeline === undefined) {
          throw unknownModel(
            id,
            models.list().map(({ card }) => card.displayName),
          );
        }
        sendJson(response, 200, toModelObject(pipeline));
      },
    },
  ];
}

function toModelObject({ card, readyAtSeconds }: ModelPipeline): ModelObject {
  return {
    id: card.displayName,
    object: "model",
    created: readyAtSeconds,
    owned_by: "dyn",
    context_window: card.contextLength,
    max_model_len: card.contextLength,
  };
}

// GET /v1/models, /v1/models/{id} and /v1/models/{id}/ready. Ids may contain slashes.
import { ModelList, ModelObject } from "@dyn/protocol";
import { unknownModel } from "../errors/gateway-errors.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import type { ServedModel } from "../models/served-model.ts";
import type { GatewaySettings } from "../settings.ts";
import { toAnthropicModel, toAnthropicModelList } from "./anthropic-models.ts";

const readySuffix = "/ready";

export function modelRoutes(context: GatewayContext): Route[] {
  const { models, settings } = context;
  return [
    {
      method: "GET",
      path: "/v1/models",
      doc: { tag: "Models", summary: "The models that are served.", response: { ModelList } },
      handle: (exchange) => {
        const entries = models.list().flatMap(namedEntries);
        if (wantsAnthropic(exchange, settings)) {
          sendJson(exchange.response, 200, toAnthropicModelList(entries));
          return;
        }
        const list: ModelList = {
          object: "list",
          data: entries.map((entry) => toModelObject(entry, settings)),
        };
        sendJson(exchange.response, 200, list);
      },
    },
    {
      method: "GET",
      path: "/v1/models/*",
      doc: {
        tag: "Models",
        summary: "One model; with /ready behind its id, whether it can answer now.",
        response: { ModelObject },
        pathParameter: "id",
      },
      handle: (exchange) => {
        const id = exchange.pathRest;
        const model = models.find(id);
        if (model === undefined && id.endsWith(readySuffix)) {
          answerReadiness(context, exchange, id.slice(0, -readySuffix.length));
          return;
        }
        if (model === undefined) throw unknown(context, id);
        const entry = { id, model };
        const body = wantsAnthropic(exchange, settings)
          ? toAnthropicModel(entry)
          : toModelObject(entry, settings);
        sendJson(exchange.response, 200, body);
      },
    },
  ];
}

/** 200 when a request for the model can be served now, else 503. */
function answerReadiness(context: GatewayContext, { response }: Exchange, id: string): void {
  const model = context.models.known(id);
  if (model === undefined) throw unknown(context, id);
  sendJson(response, model.isReady ? 200 : 503, {
    model: model.name,
    ready: model.isReady,
    namespaces: model.readiness(),
  });
}

export interface ModelEntry {
  /** The name, or an alias of it. */
  readonly id: string;
  readonly model: ServedModel;
}

function namedEntries(model: ServedModel): ModelEntry[] {
  return [model.name, ...model.aliases].map((id) => ({ id, model }));
}

function toModelObject({ id, model }: ModelEntry, settings: GatewaySettings): ModelObject {
  const contextLength = settings.shownContextLength ?? model.card.contextLength;
  return {
    id,
    object: "model",
    created: model.readyAtSeconds,
    owned_by: "dyn",
    context_window: contextLength,
    max_model_len: contextLength,
    ...(settings.shownMaxOutputTokens === null
      ? {}
      : { max_output_tokens: settings.shownMaxOutputTokens }),
  };
}

function wantsAnthropic({ request }: Exchange, settings: GatewaySettings): boolean {
  return settings.anthropicApi && request.headers["anthropic-version"] !== undefined;
}

function unknown({ models }: GatewayContext, id: string): Error {
  return unknownModel(
    id,
    models.list().map(({ name }) => name),
  );
}

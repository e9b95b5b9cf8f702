// POST /v1/classify and /v1/pooling, while a model of the type is served.
import {
  ClassifyRequest,
  InternalError,
  InvalidArgumentError,
  PoolingRequest,
  ScoreList,
} from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { askWorker } from "../models/ask-worker.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration } from "./answer-generation.ts";

const kinds = [
  {
    type: "classify",
    summary: "The labels of texts.",
    request: { ClassifyRequest },
    schema: ClassifyRequest,
    defaults: { priority: 0 },
  },
  {
    type: "pooling",
    summary: "The pooled states of texts.",
    request: { PoolingRequest },
    schema: PoolingRequest,
    defaults: { priority: 0, encoding_format: "float" },
  },
] as const;

/** Such workers take text: the client's body goes to the worker, the worker's list to the client. */
export function scoringRoutes(context: GatewayContext): Route[] {
  return kinds.map(({ type, summary, request: named, schema, defaults }) => ({
    method: "POST",
    path: `/v1/${type}`,
    doc: { tag: "OpenAI", summary, request: named, response: { ScoreList } },
    missing: () => context.models.whyNot(type),
    handle: (exchange) =>
      answerGeneration(context, exchange, type, async (body, { observation }) => {
        const request = checkBody(schema, body);
        const isKnown = context.models.find(request.model) !== undefined;
        observation.describe(isKnown ? request.model : null, false);
        const pipeline = context.models.pick(request.model, type);
        if (pipeline instanceof ModelPipeline) throw takesTokens(request.model, type);
        const answer = await pipeline.use(() => {
          observation.passedOn();
          const asked = { ...defaults, ...request, model: pipeline.card.displayName };
          return askWorker(pipeline.workers, asked, { exchange, observation });
        });
        const parsed = ScoreList.safeParse(answer);
        if (!parsed.success) {
          throw new InternalError("A worker's answer is no list of scores.", {
            cause: parsed.error,
          });
        }
        observation.promptCounted(parsed.data.usage?.prompt_tokens ?? 0);
        sendJson(exchange.response, 200, parsed.data);
      }),
  }));
}

function takesTokens(model: string, type: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `The workers of ${JSON.stringify(model)} take tokens, but /v1/${type} is passed on as text. Register them with text as input.`,
    { param: "model", code: "DYN_GATEWAY_MODEL_TAKES_TOKENS" },
  );
}

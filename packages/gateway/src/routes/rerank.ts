// POST /v1/rerank
import { InternalError, RerankList, RerankRequest } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { askWorker } from "../models/ask-worker.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration } from "./answer-generation.ts";

/** Rerank workers take text: the client's body goes to the worker, the worker's list to the client. */
export function rerankRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/v1/rerank",
    doc: {
      tag: "OpenAI",
      summary: "Documents by their relevance to a query, best first.",
      request: { RerankRequest },
      response: { RerankList },
    },
    handle: (exchange) =>
      answerGeneration(context, exchange, "rerank", async (body, { observation }) => {
        const request = checkBody(RerankRequest, body);
        const isKnown = context.models.find(request.model) !== undefined;
        observation.describe(isKnown ? request.model : null, false);
        const pipeline = context.models.pick(request.model, "rerank");
        const list = await pipeline.use(async () => {
          observation.passedOn();
          const answer = await askWorker(pipeline.workers, request, { exchange, observation });
          const parsed = RerankList.safeParse(answer);
          if (parsed.success) return parsed.data;
          throw new InternalError(
            "A worker's answer is no list of ranked documents.",
            parsed.error,
          );
        });
        observation.promptCounted(countTokens(list));
        sendJson(exchange.response, 200, list);
      }),
  };
}

/** Of the documents in the answer; workers that do not say count as none. */
function countTokens(list: RerankList): number {
  return list.reduce((sum, { meta_info: info }) => {
    const tokens = info?.prompt_tokens;
    return sum + (typeof tokens === "number" ? tokens : 0);
  }, 0);
}

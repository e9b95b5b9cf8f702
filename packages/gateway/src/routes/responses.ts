// POST /v1/responses and /v1/responses/input_tokens: OpenAI's Responses API, without a memory.
import { type ChatCompletionRequest, ResponsesRequest } from "@dyn/protocol";
import { errorToBody } from "../errors/error-to-body.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { readJsonBody } from "../http/read-body.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { commentFrame } from "../http/sse-events.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { renderChat } from "../preprocess/prepare-chat.ts";
import { fillRequest } from "../preprocess/request-template.ts";
import { ResponseEvents } from "../responses/response-events.ts";
import { type ResponseHead, toEndState, toItem, toResponse } from "../responses/response-object.ts";
import { responsesToChat } from "../responses/to-chat-request.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { parseJson } from "../validation/parse-json.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";
import { openAnswer } from "./answer-source.ts";

export function responsesRoutes(context: GatewayContext): Route[] {
  const { limits, models } = context;
  return [
    {
      method: "POST",
      path: "/v1/responses",
      doc: {
        tag: "OpenAI",
        summary: "Answers a conversation; keeps nothing of it.",
        request: { ResponsesRequest },
        streamEvent: null,
      },
      handle: (exchange) =>
        answerGeneration(context, exchange, "responses", async (body, task) => {
          const filled = fillRequest(body, context.settings.requestTemplate, "max_output_tokens");
          const request = checkBody(ResponsesRequest, filled);
          const chat = responsesToChat(request);
          checkChatRequest(chat);
          const isKnown = models.find(request.model) !== undefined;
          task.observation.describe(isKnown ? request.model : null, request.stream === true);
          const pipeline = models.pick(request.model, "chat");
          await pipeline.use(() => answerResponse(context, pipeline, { request, chat }, task));
        }),
    },
    {
      method: "POST",
      path: "/v1/responses/input_tokens",
      doc: {
        tag: "Tokens",
        summary: "Counts the tokens of a conversation.",
        request: { ResponsesRequest },
      },
      handle: async (exchange) => {
        const body = parseJson(await readJsonBody(exchange, limits.bodySizeBytes), limits);
        const request = checkBody(ResponsesRequest, body);
        const chat = responsesToChat(request);
        checkChatRequest(chat);
        const pipeline = models.get(request.model, "chat");
        const prompt = await pipeline.use(() => renderChat(context, pipeline, chat, { exchange }));
        sendJson(exchange.response, 200, {
          object: "response.input_tokens",
          input_tokens: prompt.tokenIds.length,
        });
      },
    },
  ];
}

async function answerResponse(
  context: GatewayContext,
  pipeline: BasePipeline,
  asked: { readonly request: ResponsesRequest; readonly chat: ChatCompletionRequest },
  task: GenerationTask,
): Promise<void> {
  const { exchange, observation, writer } = task;
  const { request, chat } = asked;
  const source = await openAnswer(context, pipeline, chat, task);
  const head: ResponseHead = {
    key: objectIdOf(exchange.request).replaceAll("-", ""),
    createdAt: Math.floor(context.nowMs() / 1000),
    model: pipeline.card.displayName,
    request,
  };
  if (request.stream === true) {
    keepStreamAlive(context, writer, commentFrame);
    const events = new ResponseEvents({ writer, head, usage: source.usage });
    exchange.errorFormat = {
      toBody: errorToBody,
      toLastEvents: (error) => events.failed(error),
    };
    events.end((await source.run(events)).end);
  } else {
    const { blocks, end } = await source.run();
    const state = toEndState(end);
    const output = blocks.map((block, i) => {
      const isLast = i === blocks.length - 1;
      return toItem(head, block, isLast ? state.status : "completed");
    });
    sendJson(exchange.response, 200, toResponse(head, { ...state, output, usage: source.usage() }));
  }
  const usage = source.usage();
  if (usage !== null) observation.usage(usage);
}

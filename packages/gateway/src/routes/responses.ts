// POST /v1/responses and /v1/responses/input_tokens: OpenAI's Responses API, without a memory.
import { type ChatCompletionRequest, ResponsesRequest } from "@dyn/protocol";
import { errorToBody } from "../errors/error-to-body.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { readJsonBody } from "../http/read-body.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { commentFrame } from "../http/sse-events.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import { AnswerBlocks } from "../postprocess/answer-blocks.ts";
import { sumUsage } from "../postprocess/usage-meter.ts";
import { prepareChat, renderChat } from "../preprocess/prepare-chat.ts";
import { fillRequest } from "../preprocess/request-template.ts";
import { ResponseEvents } from "../responses/response-events.ts";
import { type ResponseHead, toEndState, toItem, toResponse } from "../responses/response-object.ts";
import { responsesToChat } from "../responses/to-chat-request.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { parseJson } from "../validation/parse-json.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";
import { runPrompts } from "./run-prompts.ts";

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
          const pipeline = models.get(request.model, "chat");
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
  pipeline: ModelPipeline,
  asked: { readonly request: ResponsesRequest; readonly chat: ChatCompletionRequest },
  task: GenerationTask,
): Promise<void> {
  const { exchange, observation, writer } = task;
  const { request, chat } = asked;
  const prompt = await prepareChat(context, pipeline, chat, task);
  const objectId = objectIdOf(exchange.request);
  const head: ResponseHead = {
    key: objectId.replaceAll("-", ""),
    createdAt: Math.floor(context.nowMs() / 1000),
    model: pipeline.card.displayName,
    request,
    logprobs:
      chat.logprobs === true
        ? { names: pipeline.names, asIds: false, topCount: chat.top_logprobs ?? 0 }
        : null,
  };
  const usage = () => sumUsage([prompt.usage], prompt.choices);
  const run = { exchange, pipeline, objectId, prompts: [prompt], observation };
  if (request.stream === true) {
    keepStreamAlive(context, writer, commentFrame);
    const events = new ResponseEvents({ writer, head, usage });
    exchange.errorFormat = {
      toBody: errorToBody,
      toLastEvents: (error) => events.failed(error),
    };
    const blocks = new AnswerBlocks(events, writer);
    await runPrompts({ ...run, sink: blocks });
    events.end(blocks.end);
  } else {
    const blocks = new AnswerBlocks();
    await runPrompts({ ...run, sink: blocks });
    const state = toEndState(blocks.end);
    const output = blocks.blocks.map((block, i) => {
      const isLast = i === blocks.blocks.length - 1;
      return toItem(head, block, isLast ? state.status : "completed");
    });
    sendJson(exchange.response, 200, toResponse(head, { ...state, output, usage: usage() }));
  }
  observation.usage(usage());
}

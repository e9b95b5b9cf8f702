// POST /v1/messages and /v1/messages/count_tokens: Anthropic's API.
import {
  AnthropicAnswer,
  type ChatCompletionRequest,
  CountTokensRequest,
  MessagesRequest,
} from "@dyn/protocol";
import { toAnthropicUsage, toContentBlock, toStop } from "../anthropic/answer-parts.ts";
import { MessageEvents } from "../anthropic/message-events.ts";
import { messagesToChat, promptToChat } from "../anthropic/to-chat-request.ts";
import { anthropicErrors } from "../errors/error-format.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { readJsonBody } from "../http/read-body.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { pingEvent } from "../http/sse-events.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { renderChat } from "../preprocess/prepare-chat.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { parseJson } from "../validation/parse-json.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";
import { openAnswer } from "./answer-source.ts";

export function messagesRoutes(context: GatewayContext): Route[] {
  const { limits, models, settings } = context;
  const options = { stripPreamble: settings.stripAnthropicPreamble };
  return [
    {
      method: "POST",
      path: "/v1/messages",
      doc: {
        tag: "Anthropic",
        summary: "Answers a conversation.",
        request: { MessagesRequest },
        response: { AnthropicAnswer },
        streamEvent: null,
      },
      errorFormat: anthropicErrors,
      handle: (exchange) =>
        answerGeneration(context, exchange, "anthropic_messages", async (body, task) => {
          const request = checkBody(MessagesRequest, body);
          const chat = { ...messagesToChat(request, options), stream: request.stream ?? false };
          checkChatRequest(chat);
          const isKnown = models.find(request.model) !== undefined;
          task.observation.describe(isKnown ? request.model : null, request.stream === true);
          const pipeline = models.pick(request.model, "chat");
          const bounded = withBudget(chat, request, pipeline);
          await pipeline.use(() => answerMessage(context, pipeline, bounded, task));
        }),
    },
    {
      method: "POST",
      path: "/v1/messages/count_tokens",
      doc: {
        tag: "Anthropic",
        summary: "Counts the tokens of a conversation.",
        request: { CountTokensRequest },
      },
      errorFormat: anthropicErrors,
      handle: async (exchange) => {
        const body = parseJson(await readJsonBody(exchange, limits.bodySizeBytes), limits);
        const request = checkBody(CountTokensRequest, body);
        const chat = promptToChat(request, options);
        checkChatRequest(chat);
        const pipeline = models.get(request.model, "chat");
        const prompt = await pipeline.use(() => renderChat(context, pipeline, chat, { exchange }));
        sendJson(exchange.response, 200, { input_tokens: prompt.tokenIds.length });
      },
    },
  ];
}

/** A budget is advice to Anthropic's models: it goes to workers that can keep to it, and is no error at others. */
function withBudget(
  chat: ChatCompletionRequest,
  { thinking }: MessagesRequest,
  { card }: BasePipeline,
): ChatCompletionRequest {
  const budget = thinking?.type === "enabled" ? (thinking.budget_tokens ?? null) : null;
  if (budget === null || card.runtimeConfig?.boundsThinking !== true) return chat;
  return { ...chat, thinking_token_budget: budget };
}

async function answerMessage(
  context: GatewayContext,
  pipeline: BasePipeline,
  chat: ChatCompletionRequest,
  task: GenerationTask,
): Promise<void> {
  const { exchange, observation, writer } = task;
  const source = await openAnswer(context, pipeline, chat, task);
  const id = `msg_${objectIdOf(exchange.request).replaceAll("-", "")}`;
  const head = { id, model: pipeline.card.displayName };
  const usage = () => toAnthropicUsage(source.usage());
  if (chat.stream === true) {
    keepStreamAlive(context, writer, pingEvent);
    const events = new MessageEvents({ writer, head, usage });
    events.end((await source.run(events)).end);
  } else {
    const { blocks, end } = await source.run();
    const answer: AnthropicAnswer = {
      id: head.id,
      type: "message",
      role: "assistant",
      content: blocks.map(toContentBlock),
      model: head.model,
      ...toStop(end),
      usage: usage(),
    };
    sendJson(exchange.response, 200, answer);
  }
  const counted = source.usage();
  if (counted !== null) observation.usage(counted);
}

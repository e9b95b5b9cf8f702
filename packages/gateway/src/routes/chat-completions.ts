// POST /v1/chat/completions
import { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendAnswer } from "../http/send-json.ts";
import { commentFrame } from "../http/sse-events.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import {
  annotationEvents,
  checkAnnotations,
  isRoutingQuery,
} from "../postprocess/annotation-events.ts";
import { AnswerExtras } from "../postprocess/answer-extras.ts";
import { DispatchEvents } from "../postprocess/dispatch-events.ts";
import {
  createChatChunkFormat,
  openChatChoice,
  toChatChoice,
} from "../postprocess/format-chat-choice.ts";
import { PromptScores } from "../postprocess/prompt-scores.ts";
import { StreamSink } from "../postprocess/stream-sink.ts";
import { UnarySink } from "../postprocess/unary-sink.ts";
import { sumUsage } from "../postprocess/usage-meter.ts";
import { prepareChat } from "../preprocess/prepare-chat.ts";
import { fillRequest } from "../preprocess/request-template.ts";
import type { GatewaySettings } from "../settings.ts";
import { passOnChat } from "../text/pass-on-chat.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { isPlainChat } from "../validation/is-plain-chat.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";
import { runPrompts } from "./run-prompts.ts";

export function chatCompletionsRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/v1/chat/completions",
    doc: {
      tag: "OpenAI",
      summary: "Answers a conversation.",
      request: { ChatCompletionRequest },
      response: { ChatCompletion },
      streamEvent: { ChatCompletionChunk },
    },
    handle: (exchange) =>
      answerGeneration(context, exchange, "chat_completions", async (body, task) => {
        const filled = fillRequest(body, context.settings.requestTemplate, "max_completion_tokens");
        const request = isPlainChat(filled)
          ? filled
          : checkBody(ChatCompletionRequest, filled, context.settings);
        checkChatRequest(request);
        const isKnown = context.models.find(request.model) !== undefined;
        task.observation.describe(isKnown ? request.model : null, request.stream === true);
        const pipeline = context.models.pick(request.model, "chat");
        await pipeline.use(() =>
          pipeline instanceof ModelPipeline
            ? answerChat(context, pipeline, request, task)
            : passOnChat(context, pipeline, { request, body: body as object }, task),
        );
      }),
  };
}

async function answerChat(
  context: GatewayContext,
  pipeline: ModelPipeline,
  request: ChatCompletionRequest,
  task: GenerationTask,
): Promise<void> {
  const { exchange, observation, writer } = task;
  const { settings } = context;
  const prompt = await prepareChat(context, pipeline, request, task);
  const { hints } = prompt;
  checkAnnotations(hints.annotations, request.stream === true);
  const objectId = objectIdOf(exchange.request);
  const head = {
    id: `chatcmpl-${objectId}`,
    created: Math.floor(context.nowMs() / 1000),
    model: pipeline.card.displayName,
  };
  const logprobs =
    request.logprobs === true
      ? {
          names: pipeline.names,
          asIds: request.return_tokens_as_token_ids === true,
          topCount: request.top_logprobs ?? null,
        }
      : null;
  const format = { logprobs, reasoningField: settings.reasoningField };
  const queriedIds = isRoutingQuery(pipeline, hints.annotations) ? prompt.prompt.tokenIds : null;
  const extras =
    queriedIds !== null || AnswerExtras.isWanted(hints.extraFields)
      ? new AnswerExtras(hints.extraFields, observation, queriedIds)
      : null;
  const currentUsage = () => sumUsage([prompt.usage], prompt.choices);
  const run = { exchange, pipeline, objectId, prompts: [prompt], observation, extras };
  if (request.stream === true) {
    keepStreamAlive(context, writer, commentFrame);
    const sink = new StreamSink({
      writer,
      head,
      object: "chat.completion.chunk",
      formatChoice: createChatChunkFormat(format),
      // OpenAI's own client counts the log-probabilities of a choice's first chunk twice.
      openChoice: logprobs === null ? null : openChatChoice,
      currentUsage,
      includeUsage: settings.forceIncludeUsage || request.stream_options?.include_usage === true,
      continuousUsage: request.stream_options?.continuous_usage_stats === true,
      firstEvents: annotationEvents(hints.annotations, {
        requestId: objectId,
        tokenIds: prompt.prompt.tokenIds,
        promptText: prompt.prompt.text,
      }),
      extras,
      dispatch: dispatchesAny(settings) ? new DispatchEvents(settings.streamingDispatch) : null,
    });
    await runPrompts({ ...run, sink });
    sink.end();
  } else {
    const sink = new UnarySink();
    await runPrompts({ ...run, sink });
    const choices = sink.choices();
    const completion: ChatCompletion = {
      id: head.id,
      choices: choices.map((choice) => toChatChoice(choice, format)),
      created: head.created,
      model: head.model,
      object: "chat.completion",
      usage: queriedIds === null ? currentUsage() : null,
      ...(prompt.echo instanceof PromptScores
        ? { prompt_logprobs: prompt.echo.toJson() ?? [] }
        : {}),
    };
    sendAnswer(exchange.response, completion, extras?.ofAnswer(choices[0]!) ?? null);
  }
  observation.usage(currentUsage());
}

function dispatchesAny({ streamingDispatch: { calls, reasoning } }: GatewaySettings): boolean {
  return calls || reasoning;
}

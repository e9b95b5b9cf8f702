// POST /v1/chat/completions
import { type ChatCompletion, ChatCompletionRequest, InvalidArgumentError } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import { ChoiceAssembler } from "../postprocess/choice-assembler.ts";
import { createChatChunkFormat, toChatChoice } from "../postprocess/format-chat-choice.ts";
import { StreamSink } from "../postprocess/stream-sink.ts";
import { UnarySink } from "../postprocess/unary-sink.ts";
import { PromptUsage, sumUsage } from "../postprocess/usage-meter.ts";
import { answerBudget } from "../preprocess/answer-budget.ts";
import { toPreprocessedRequest, toStopRules } from "../preprocess/sampling-request.ts";
import { toTemplateInput } from "../preprocess/template-input.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkChatRequest } from "../validation/check-chat-request.ts";
import { answerGeneration, type GenerationTask } from "./answer-generation.ts";
import { type PreparedPrompt, runPrompts } from "./run-prompts.ts";

export function chatCompletionsRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/v1/chat/completions",
    handle: (exchange) =>
      answerGeneration(context, exchange, "chat_completions", async (body, task) => {
        const request = checkBody(ChatCompletionRequest, body);
        checkChatRequest(request);
        const isKnown = context.models.find(request.model) !== undefined;
        task.observation.describe(isKnown ? request.model : null, request.stream === true);
        const pipeline = context.models.get(request.model, "chat");
        await pipeline.use(() => answerChat(context, pipeline, request, task));
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
  const prompt = await preparePrompt(pipeline, request, task);
  const objectId = objectIdOf(exchange.request);
  const head = {
    id: `chatcmpl-${objectId}`,
    created: Math.floor(context.nowMs() / 1000),
    model: request.model,
  };
  const logprobs =
    request.logprobs === true
      ? {
          names: pipeline.names,
          asIds: request.return_tokens_as_token_ids === true,
          topCount: request.top_logprobs ?? null,
        }
      : null;
  const currentUsage = () => sumUsage([prompt.usage], prompt.choices);
  const run = { exchange, pipeline, objectId, prompts: [prompt], observation };
  if (request.stream === true) {
    const sink = new StreamSink({
      writer,
      head,
      object: "chat.completion.chunk",
      formatChoice: createChatChunkFormat(logprobs),
      currentUsage,
      includeUsage: request.stream_options?.include_usage === true,
      continuousUsage: request.stream_options?.continuous_usage_stats === true,
    });
    await runPrompts({ ...run, sink });
    sink.end();
  } else {
    const sink = new UnarySink();
    await runPrompts({ ...run, sink });
    const completion: ChatCompletion = {
      id: head.id,
      choices: sink.choices().map((choice) => toChatChoice(choice, logprobs)),
      created: head.created,
      model: head.model,
      object: "chat.completion",
      usage: currentUsage(),
    };
    sendJson(exchange.response, 200, completion);
  }
  observation.usage(currentUsage());
}

async function preparePrompt(
  pipeline: ModelPipeline,
  request: ChatCompletionRequest,
  { exchange, observation }: GenerationTask,
): Promise<PreparedPrompt> {
  const { template, tokenizer, eosTokenIds, card } = pipeline;
  if (template === null) {
    throw new InvalidArgumentError(
      `The model ${request.model} has no chat template. Use /v1/completions with the prompt in the model's own form.`,
      { param: "model" },
    );
  }
  const begunMs = performance.now();
  const text = template.render(toTemplateInput(request));
  const renderedMs = performance.now();
  observation.templateRendered(renderedMs - begunMs);
  const tokenIds = await pipeline.pool.encode(text, { signal: exchange.signal });
  observation.promptTokenized(performance.now() - renderedMs);
  const field = request.max_completion_tokens != null ? "max_completion_tokens" : "max_tokens";
  const value = request[field] ?? null;
  const maxTokens = answerBudget({
    param: "messages",
    promptTokens: tokenIds.length,
    contextLength: card.contextLength,
    asked: value === null ? null : { field, value },
    fallback: null,
  });
  observation.preprocessed(tokenIds.length);
  const stop = toStopRules(request, eosTokenIds);
  const decodeOptions = { skipSpecialTokens: request.skip_special_tokens ?? true };
  return {
    request: toPreprocessedRequest({
      request,
      tokenIds: Array.from(tokenIds),
      stop,
      eosTokenIds,
      maxTokens,
      logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
      promptLogprobs: null,
    }),
    choices: Array.from(
      { length: request.n ?? 1 },
      (_, index) =>
        new ChoiceAssembler({
          index,
          decoder: tokenizer.createDecoder(decodeOptions),
          stop,
          wantsLogprobs: request.logprobs === true,
        }),
    ),
    usage: new PromptUsage(tokenIds.length),
    echo: null,
  };
}

// POST /v1/completions
import { CompletionRequest, TextCompletion } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendAnswer } from "../http/send-json.ts";
import { commentFrame } from "../http/sse-events.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import {
  annotationEvents,
  checkAnnotations,
  isRoutingQuery,
} from "../postprocess/annotation-events.ts";
import { AnswerExtras } from "../postprocess/answer-extras.ts";
import { ChoiceAssembler } from "../postprocess/choice-assembler.ts";
import { createTextChunkFormat, toTextChoice } from "../postprocess/format-text-choice.ts";
import { PromptEcho } from "../postprocess/prompt-echo.ts";
import { silentDecoder } from "../postprocess/silent-decoder.ts";
import { StreamSink } from "../postprocess/stream-sink.ts";
import { UnarySink } from "../postprocess/unary-sink.ts";
import { PromptUsage, sumUsage } from "../postprocess/usage-meter.ts";
import { answerBudget } from "../preprocess/answer-budget.ts";
import { formFieldOf, guidedOf } from "../preprocess/guided-decoding.ts";
import { type PromptInput, toPromptInputs } from "../preprocess/prompt-inputs.ts";
import { type RequestHints, readRequestHints } from "../preprocess/request-hints.ts";
import { fillRequest } from "../preprocess/request-template.ts";
import { toPreprocessedRequest, toStopRules } from "../preprocess/sampling-request.ts";
import { tokenRulesOf } from "../preprocess/token-rules.ts";
import { checkBody } from "../validation/check-body.ts";
import { checkCompletionRequest } from "../validation/check-completion-request.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";
import { type PreparedPrompt, runPrompts } from "./run-prompts.ts";

/** OpenAI's default for max_tokens on this route. */
const defaultMaxTokens = 16;

export function completionsRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/v1/completions",
    doc: {
      tag: "OpenAI",
      summary: "Goes on with a text.",
      request: { CompletionRequest },
      response: { TextCompletion },
      streamEvent: { TextCompletion },
    },
    handle: (exchange) =>
      answerGeneration(context, exchange, "completions", async (body, task) => {
        const filled = fillRequest(body, context.settings.requestTemplate, "max_tokens");
        const request = checkBody(CompletionRequest, filled, context.settings);
        checkCompletionRequest(request, context.limits);
        const isKnown = context.models.find(request.model) !== undefined;
        task.observation.describe(isKnown ? request.model : null, request.stream === true);
        const pipeline = context.models.get(request.model, "completions");
        await pipeline.use(() => answerCompletion(context, pipeline, request, task));
      }),
  };
}

async function answerCompletion(
  context: GatewayContext,
  pipeline: ModelPipeline,
  request: CompletionRequest,
  { exchange, observation, writer }: GenerationTask,
): Promise<void> {
  const begunMs = performance.now();
  const inputs = await toPromptInputs(request.prompt, pipeline, {
    param: "prompt",
    addSpecialTokens: false,
    signal: exchange.signal,
  });
  observation.promptTokenized(performance.now() - begunMs);
  const { settings } = context;
  const hints = readRequestHints({
    nvext: settings.nvext ? request.nvext : null,
    headers: exchange.request.headers,
    cacheSalt: request.cache_salt,
    tenant: exchange.tenant,
    isIdsAlone: request.detokenize === false,
  });
  checkAnnotations(hints.annotations, request.stream === true);
  const prompts = inputs.map((input, i) => preparePrompt(pipeline, request, hints, input, i));
  observation.preprocessed(inputs.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0));
  const choices = prompts.flatMap((prompt) => prompt.choices);
  const objectId = objectIdOf(exchange.request);
  const head = {
    id: `cmpl-${objectId}`,
    created: Math.floor(context.nowMs() / 1000),
    model: pipeline.card.displayName,
  };
  const logprobs =
    request.logprobs == null
      ? null
      : {
          names: pipeline.names,
          asIds: request.return_tokens_as_token_ids === true,
          topCount: request.logprobs,
        };
  const currentUsage = () =>
    sumUsage(
      prompts.map(({ usage }) => usage),
      choices,
    );
  const queriedIds = isRoutingQuery(pipeline, hints.annotations) ? inputs[0]!.tokenIds : null;
  const extras =
    queriedIds !== null || AnswerExtras.isWanted(hints.extraFields)
      ? new AnswerExtras(hints.extraFields, observation, queriedIds)
      : null;
  const run = { exchange, pipeline, objectId, prompts, observation, extras };
  if (request.stream === true) {
    keepStreamAlive(context, writer, commentFrame);
    const sink = new StreamSink({
      writer,
      head,
      object: "text_completion",
      formatChoice: createTextChunkFormat(logprobs),
      currentUsage,
      includeUsage: settings.forceIncludeUsage || request.stream_options?.include_usage === true,
      continuousUsage: request.stream_options?.continuous_usage_stats === true,
      firstEvents: annotationEvents(hints.annotations, {
        requestId: objectId,
        tokenIds: inputs[0]!.tokenIds,
        promptText: inputs[0]!.text,
      }),
      extras,
    });
    await runPrompts({ ...run, sink });
    sink.end();
  } else {
    const sink = new UnarySink();
    await runPrompts({ ...run, sink });
    const wholeChoices = sink.choices();
    const completion: TextCompletion = {
      id: head.id,
      choices: wholeChoices.map((choice) => toTextChoice(choice, logprobs)),
      created: head.created,
      model: head.model,
      object: "text_completion",
      usage: queriedIds === null ? currentUsage() : null,
    };
    sendAnswer(exchange.response, completion, extras?.ofAnswer(wholeChoices[0]!) ?? null);
  }
  observation.usage(currentUsage());
}

/** Choice index = prompt index x n + the engine's index. */
function preparePrompt(
  pipeline: ModelPipeline,
  request: CompletionRequest,
  hints: RequestHints,
  { text, tokenIds }: PromptInput,
  promptIndex: number,
): PreparedPrompt {
  const { tokenizer, eosTokenIds, card } = pipeline;
  const n = request.n ?? 1;
  const isIdsAlone = request.detokenize === false;
  const wantsLogprobs = request.logprobs != null;
  const maxTokens = answerBudget({
    param: "prompt",
    promptTokens: tokenIds.length,
    contextLength: card.contextLength,
    asked: request.max_tokens == null ? null : { field: "max_tokens", value: request.max_tokens },
    fallback: defaultMaxTokens,
  });
  const stop = toStopRules(request, eosTokenIds);
  const echo =
    request.echo === true ? new PromptEcho({ tokenizer, tokenIds, text, wantsLogprobs }) : null;
  const decodeOptions = { skipSpecialTokens: request.skip_special_tokens ?? true };
  return {
    prompt: { text, tokenIds },
    hints,
    formField: formFieldOf(request),
    request: toPreprocessedRequest({
      model: { displayName: card.displayName, checksum: pipeline.checksum },
      request,
      tokenIds,
      stop,
      eosTokenIds,
      maxTokens,
      logprobs: request.logprobs ?? null,
      promptLogprobs: echo !== null && wantsLogprobs ? request.logprobs! : null,
      guided: guidedOf(request),
      requireReasoning: false,
      hints,
      tokenRules: tokenRulesOf(request, tokenizer),
      maxThinkingTokens: null,
    }),
    choices: Array.from(
      { length: n },
      (_, i) =>
        new ChoiceAssembler({
          index: promptIndex * n + i,
          decoder: isIdsAlone ? silentDecoder : tokenizer.createDecoder(decodeOptions),
          stop,
          wantsLogprobs,
          isIdsAlone,
          wantsTokenIds: hints.extraFields.has("completion_token_ids"),
          textOffset: echo?.codePointCount ?? 0,
          transformers: echo === null ? [] : [echo.createTransformer()],
        }),
    ),
    usage: new PromptUsage(tokenIds.length),
    echo,
  };
}

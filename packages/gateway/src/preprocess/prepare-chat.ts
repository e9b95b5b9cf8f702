// From a chat to what workers take and how their answer is read. Every chat-like route comes through here.
import { type ChatCompletionRequest, InvalidArgumentError, type TokenIds } from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import type { RequestObservation } from "../observe/request-observation.ts";
import { ChoiceAssembler } from "../postprocess/choice-assembler.ts";
import { readingOf } from "../postprocess/output-reading.ts";
import { PromptScores } from "../postprocess/prompt-scores.ts";
import { silentDecoder } from "../postprocess/silent-decoder.ts";
import { PromptUsage } from "../postprocess/usage-meter.ts";
import type { PreparedPrompt } from "../routes/run-prompts.ts";
import { answerBudget } from "./answer-budget.ts";
import { formFieldOf, guidedOfChat } from "./guided-decoding.ts";
import { readRequestHints } from "./request-hints.ts";
import { toPreprocessedRequest, toStopRules } from "./sampling-request.ts";
import { toTemplateInput } from "./template-input.ts";
import { tokenRulesOf } from "./token-rules.ts";

export interface ChatPrompt {
  /** `null` when the client sent token ids instead. */
  readonly text: string | null;
  readonly tokenIds: TokenIds;
}

/** A model that takes chats, wherever its prompts are made: at a frontend, or at a worker that takes text. */
export type ChatModel = Pick<
  ModelPipeline,
  "card" | "checksum" | "tokenizer" | "pool" | "template" | "eosTokenIds" | "parsers" | "names"
>;

export interface ChatTask {
  readonly exchange: Pick<Exchange, "signal" | "tenant"> & {
    readonly request: Pick<Exchange["request"], "headers">;
  };
  readonly observation?: Pick<
    RequestObservation,
    "templateRendered" | "promptTokenized" | "preprocessed"
  >;
}

export async function prepareChat(
  { settings }: Pick<GatewayContext, "settings">,
  pipeline: ChatModel,
  request: ChatCompletionRequest,
  task: ChatTask,
): Promise<PreparedPrompt> {
  const { exchange, observation } = task;
  const { tokenizer, eosTokenIds, card } = pipeline;
  const hints = readRequestHints({
    nvext: settings.nvext ? request.nvext : null,
    headers: exchange.request.headers,
    cacheSalt: request.cache_salt,
    tenant: exchange.tenant,
    isIdsAlone: request.detokenize === false,
  });
  const prompt: ChatPrompt =
    hints.tokenIds === null
      ? await renderChat({ settings }, pipeline, request, task)
      : { text: null, tokenIds: hints.tokenIds };
  const { tokenIds } = prompt;
  const field = request.max_completion_tokens != null ? "max_completion_tokens" : "max_tokens";
  const value = request[field] ?? null;
  const maxTokens = answerBudget({
    param: "messages",
    promptTokens: tokenIds.length,
    contextLength: card.contextLength,
    asked: value === null ? null : { field, value },
    fallback: null,
  });
  observation?.preprocessed(tokenIds.length);
  const stop = toStopRules(request, eosTokenIds);
  const guided = guidedOfChat(request);
  const isIdsAlone = request.detokenize === false;
  const reading = readingOf(request, pipeline.parsers, prompt.text);
  const decodeOptions = {
    skipSpecialTokens: request.skip_special_tokens ?? !reading.keepsSpecialTokens,
  };
  return {
    prompt,
    hints,
    formField: formFieldOf(request),
    request: toPreprocessedRequest({
      model: { displayName: card.displayName, checksum: pipeline.checksum },
      request,
      tokenIds,
      stop,
      eosTokenIds,
      maxTokens,
      logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
      promptLogprobs: request.prompt_logprobs ?? null,
      guided,
      requireReasoning: guided !== null && reading.expectsReasoning,
      hints,
      tokenRules: tokenRulesOf(request, tokenizer),
      maxThinkingTokens: request.thinking_token_budget ?? null,
    }),
    choices: Array.from(
      { length: request.n ?? 1 },
      (_, index) =>
        new ChoiceAssembler({
          index,
          decoder: isIdsAlone ? silentDecoder : tokenizer.createDecoder(decodeOptions),
          stop,
          wantsLogprobs: request.logprobs === true,
          wantsTokenIds: hints.extraFields.has("completion_token_ids"),
          isIdsAlone,
          splitter: isIdsAlone ? null : reading.createSplitter(settings.streamingDispatch),
        }),
    ),
    usage: new PromptUsage(tokenIds.length),
    echo: request.prompt_logprobs == null ? null : new PromptScores(pipeline.names),
  };
}

/** The prompt of a chat, as its model reads it. */
export async function renderChat(
  { settings }: Pick<GatewayContext, "settings">,
  pipeline: ChatModel,
  request: ChatCompletionRequest,
  task: ChatTask,
): Promise<ChatPrompt> {
  const { template } = pipeline;
  if (template === null) {
    throw new InvalidArgumentError(
      `The model ${request.model} has no chat template. Use /v1/completions with the prompt in the model's own form.`,
      { param: "model" },
    );
  }
  const begunMs = performance.now();
  const text = template.render(toTemplateInput(request, settings));
  const renderedMs = performance.now();
  task.observation?.templateRendered(renderedMs - begunMs);
  const tokenIds = await pipeline.pool.encode(text, { signal: task.exchange.signal });
  task.observation?.promptTokenized(performance.now() - renderedMs);
  return { text, tokenIds };
}

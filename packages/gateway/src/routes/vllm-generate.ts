// POST /inference/v1/generate: token ids in, token ids out, in vLLM's form. Workers are asked as for a text: any can take it.
// Off unless the settings turn it on.
import {
  DynError,
  InvalidArgumentError,
  NotFoundError,
  type SamplingRequest,
  VllmGenerateAnswer,
  VllmGenerateRequest,
} from "@dyn/protocol";
import type { GatewayContext } from "../gateway-context.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import { toChatLogprobs } from "../postprocess/chat-logprobs.ts";
import { ChoiceAssembler } from "../postprocess/choice-assembler.ts";
import { RawTokens } from "../postprocess/raw-tokens.ts";
import { silentDecoder } from "../postprocess/silent-decoder.ts";
import { UnarySink } from "../postprocess/unary-sink.ts";
import { PromptUsage, sumUsage } from "../postprocess/usage-meter.ts";
import { answerBudget } from "../preprocess/answer-budget.ts";
import { toPromptInputs } from "../preprocess/prompt-inputs.ts";
import { readRequestHints } from "../preprocess/request-hints.ts";
import { toPreprocessedRequest, toStopRules } from "../preprocess/sampling-request.ts";
import { tokenRulesOf } from "../preprocess/token-rules.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration, type GenerationTask } from "./answer-generation.ts";
import { runPrompts } from "./run-prompts.ts";

/** vLLM's own. */
const defaultMaxTokens = 16;

export function vllmGenerateRoute(context: GatewayContext): Route {
  return {
    method: "POST",
    path: "/inference/v1/generate",
    doc: {
      tag: "Tokens",
      summary: "vLLM's generate: token ids in, token ids out.",
      request: { VllmGenerateRequest },
      response: { VllmGenerateAnswer },
    },
    missing: () => context.models.whyNot("completions"),
    handle: (exchange) =>
      answerGeneration(context, exchange, "generate", async (body, task) => {
        const request = checkBody(VllmGenerateRequest, body);
        const name = request.model ?? onlyModel(context);
        const isKnown = context.models.find(name) !== undefined;
        task.observation.describe(isKnown ? name : null, false);
        if (request.stream === true) throw wholeOnly();
        const pipeline = context.models.get(name, "completions");
        await pipeline.use(() => answer(pipeline, request, task));
      }),
  };
}

/** Without a name: the only model that there is. */
function onlyModel({ models }: GatewayContext): string {
  const [first, ...others] = models
    .list()
    .filter((model) => model.pick("completions") instanceof ModelPipeline);
  if (first === undefined) throw new NotFoundError("No model whose workers take tokens is served.");
  if (others.length === 0) return first.name;
  const names = [first, ...others].map((model) => model.name);
  throw new InvalidArgumentError(
    `model is missing, and there are ${names.length}: ${names.slice(0, 10).join(", ")}. Name one.`,
    { param: "model" },
  );
}

async function answer(
  pipeline: ModelPipeline,
  body: VllmGenerateRequest,
  { exchange, observation }: GenerationTask,
): Promise<void> {
  const { tokenizer, eosTokenIds, card, names } = pipeline;
  const { sampling_params: sampling, cache_salt: cacheSalt, token_ids: prompt } = body;
  const [input] = await toPromptInputs(prompt, pipeline, {
    param: "token_ids",
    addSpecialTokens: false,
    signal: exchange.signal,
  });
  const { tokenIds } = input!;
  const request: SamplingRequest = { ...sampling, model: card.displayName };
  const hints = readRequestHints({
    nvext: body.priority == null ? null : { agent_hints: { priority: 0 - body.priority } },
    headers: exchange.request.headers,
    cacheSalt,
    tenant: exchange.tenant,
  });
  const asked = sampling.max_tokens ?? null;
  const maxTokens = answerBudget({
    param: "token_ids",
    promptTokens: tokenIds.length,
    contextLength: card.contextLength,
    asked: asked === null ? null : { field: "sampling_params.max_tokens", value: asked },
    fallback: defaultMaxTokens,
  });
  observation.preprocessed(tokenIds.length);
  const stop = toStopRules(request, eosTokenIds);
  const raw = new RawTokens(names);
  const usage = new PromptUsage(tokenIds.length);
  const choices = Array.from(
    { length: request.n ?? 1 },
    (_, index) =>
      new ChoiceAssembler({
        index,
        // Text is made only where stop strings are looked for in it.
        decoder: stop.strings.length > 0 ? tokenizer.createDecoder() : silentDecoder,
        stop,
        wantsLogprobs: false,
      }),
  );
  const sink = new UnarySink();
  await runPrompts({
    exchange,
    pipeline,
    objectId: objectIdOf(exchange.request),
    prompts: [
      {
        prompt: { text: null, tokenIds },
        hints,
        formField: null,
        request: toPreprocessedRequest({
          model: { displayName: card.displayName, checksum: pipeline.checksum },
          request,
          tokenIds,
          stop,
          eosTokenIds,
          maxTokens,
          logprobs: sampling.logprobs ?? null,
          promptLogprobs: sampling.prompt_logprobs ?? null,
          guided: null,
          requireReasoning: false,
          hints,
          tokenRules: tokenRulesOf(request, tokenizer),
          maxThinkingTokens: null,
        }),
        choices,
        usage,
        echo: raw,
      },
    ],
    sink,
    observation,
  });
  const ends = new Map(sink.choices().map(({ index, finishReason }) => [index, finishReason]));
  const whole: VllmGenerateAnswer = {
    request_id: body.request_id ?? exchange.requestId,
    choices: choices.map(({ index, tokenCount }) => {
      const tokens = raw.of(index, tokenCount);
      return {
        index,
        logprobs:
          sampling.logprobs == null
            ? null
            : toChatLogprobs(tokens, { names, asIds: true, topCount: sampling.logprobs }),
        finish_reason: ends.get(index)!,
        token_ids: tokens.map(({ tokenId }) => tokenId),
      };
    }),
    prompt_logprobs: sampling.prompt_logprobs == null ? null : (raw.scores.toJson() ?? []),
    kv_transfer_params: null,
  };
  sendJson(exchange.response, 200, whole);
  observation.usage(sumUsage([usage], choices));
}

function wholeOnly(): DynError {
  return new DynError(
    "/inference/v1/generate answers in one piece. Leave stream out, or ask /v1/completions with the token ids as prompt, detokenize: false and stream: true.",
    { code: "DYN_GATEWAY_UNSUPPORTED_VALUE", status: 501, param: "stream" },
  );
}

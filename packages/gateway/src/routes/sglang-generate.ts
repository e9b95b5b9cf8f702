// POST or PUT /generate: SGLang's own route, passed on to a worker that takes its form. Off unless the settings turn it on.
import {
  DynError,
  InternalError,
  InvalidArgumentError,
  NotFoundError,
  SglangGenerateChunk,
  SglangGenerateRequest,
} from "@dyn/protocol";
import { incompleteStream } from "../errors/gateway-errors.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { decisionHeader } from "../http/decision-header.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { commentFrame, doneEvent } from "../http/sse-events.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import { answerBudget } from "../preprocess/answer-budget.ts";
import { readRequestHints } from "../preprocess/request-hints.ts";
import { toSglangRequest } from "../preprocess/sglang-request.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";

/** What the cards of such workers say in their runtime data (Dynamo 1.6.1). */
const capability = "sglang_generate";

export function sglangGenerateRoutes(context: GatewayContext): Route[] {
  const methods = ["POST", "PUT"] as const;
  return methods.map((method) => ({
    method,
    path: "/generate",
    doc: {
      tag: "Tokens",
      summary: "SGLang's own generate: token ids in, a stream out.",
      request: { SglangGenerateRequest },
      streamEvent: { SglangGenerateChunk },
    },
    missing: () => {
      const type = (["chat", "completions"] as const).find(
        (it) => context.models.whyNot(it) === null,
      );
      return type === undefined ? "no model that generates text is served." : null;
    },
    handle: (exchange) =>
      answerGeneration(context, exchange, "sglang_generate", async (body, task) => {
        const request = checkBody(SglangGenerateRequest, body);
        const name = request.model ?? null;
        const isKnown = name === null || context.models.find(name) !== undefined;
        const pipeline = isKnown ? pick(context, name) : null;
        task.observation.describe(pipeline?.card.displayName ?? null, request.stream === true);
        if (request.stream !== true) throw streamOnly();
        const chosen = pipeline ?? pick(context, name);
        await chosen.use(() => answer(context, chosen, request, task));
      }),
  }));
}

/** Without a name: the only model that there is. */
function pick({ models }: GatewayContext, name: string | null): ModelPipeline {
  if (name !== null) {
    const pipeline = models.any(name);
    if (isNative(pipeline)) return pipeline;
    throw notNative(
      `The workers of ${name} do not take SGLang's own form: their card does not say so.`,
    );
  }
  const [first, ...others] = models.list().filter((model) => isNative(model.pick()));
  if (first === undefined) {
    throw notNative("No model whose workers take SGLang's own form is served.");
  }
  if (others.length === 0) return models.any(first.name);
  const names = [first, ...others].map((model) => model.name);
  throw new InvalidArgumentError(
    `model is missing, and there are ${names.length}: ${names.slice(0, 10).join(", ")}. Name one.`,
    { param: "model" },
  );
}

function isNative(pipeline: BasePipeline | undefined): pipeline is ModelPipeline {
  return (
    pipeline instanceof ModelPipeline &&
    pipeline.card.runtimeConfig?.runtimeData?.[capability] === true
  );
}

async function answer(
  context: GatewayContext,
  pipeline: ModelPipeline,
  request: SglangGenerateRequest,
  { exchange, observation, writer }: GenerationTask,
): Promise<void> {
  const { signal } = exchange;
  const promptTokens = request.input_ids.length;
  const value = request.sampling_params?.max_new_tokens ?? null;
  answerBudget({
    param: "input_ids",
    promptTokens,
    contextLength: pipeline.card.contextLength,
    asked: value === null ? null : { field: "sampling_params.max_new_tokens", value },
    fallback: null,
  });
  const hints = readRequestHints({
    nvext: null,
    headers: exchange.request.headers,
    cacheSalt: request.cache_salt,
    tenant: exchange.tenant,
  });
  observation.preprocessed(promptTokens);
  keepStreamAlive(context, writer, commentFrame);
  const { onDecision } = decisionHeader(exchange);
  const stream = pipeline.client.generate(toSglangRequest(pipeline, request, hints), {
    signal,
    requestId: objectIdOf(exchange.request),
    trace: observation.trace,
    ...(hints.instanceId === null ? {} : { instanceId: hints.instanceId }),
    onDecision: (record) => {
      observation.decided(record);
      onDecision?.(record);
    },
    onRouted: () => observation.routed(),
  });
  let completionTokens = 0;
  let cachedTokens = 0;
  let isComplete = false;
  for await (const { data: item } of stream) {
    if (item === undefined) continue;
    const nowMs = performance.now();
    const chunk = item.engine_data?.sglang_response;
    if (chunk === undefined) {
      throw new InternalError("A worker did not answer in SGLang's own form, as its card says.");
    }
    observation.item(item, item.index ?? 0, nowMs, nowMs);
    completionTokens += item.token_ids.length;
    cachedTokens = item.completion_usage?.prompt_tokens_details?.cached_tokens ?? cachedTokens;
    isComplete ||= item.finish_reason != null;
    writer.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (writer.isFull) await writer.drained();
  }
  signal.throwIfAborted();
  if (!isComplete) throw incompleteStream();
  writer.end(doneEvent);
  observation.usage({
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  });
}

function streamOnly(): DynError {
  return new DynError("/generate answers with a stream only. Send stream: true.", {
    code: "DYN_GATEWAY_UNSUPPORTED_VALUE",
    status: 501,
    param: "stream",
  });
}

function notNative(message: string): NotFoundError {
  return new NotFoundError(`${message} Ask /v1/completions with the token ids as prompt.`, {
    code: "DYN_GATEWAY_NOT_NATIVE",
  });
}

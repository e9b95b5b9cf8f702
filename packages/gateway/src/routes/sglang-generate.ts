// POST /generate: SGLang's own route, passed on to a worker that takes token ids. Off unless the settings turn it on.
import {
  DynError,
  InvalidArgumentError,
  SglangGenerateChunk,
  SglangGenerateRequest,
} from "@dyn/protocol";
import { incompleteStream } from "../errors/gateway-errors.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { decisionHeader } from "../http/decision-header.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { Route } from "../http/router.ts";
import { commentFrame, doneEvent } from "../http/sse-events.ts";
import { ModelPipeline } from "../models/model-pipeline.ts";
import { answerBudget } from "../preprocess/answer-budget.ts";
import { readRequestHints } from "../preprocess/request-hints.ts";
import { toSglangRequest } from "../preprocess/sglang-request.ts";
import { checkBody } from "../validation/check-body.ts";
import { answerGeneration, type GenerationTask, keepStreamAlive } from "./answer-generation.ts";

export function sglangGenerateRoute(context: GatewayContext): Route {
  return {
    method: "POST",
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
  };
}

/** Without a name: the only model that there is. */
function pick({ models }: GatewayContext, name: string | null): ModelPipeline {
  if (name !== null) return models.any(name);
  const takers = models.list().filter((model) => model.pick() instanceof ModelPipeline);
  if (takers.length === 1) return models.any(takers[0]!.name);
  const names = takers.map((model) => model.name).slice(0, 10);
  throw new InvalidArgumentError(
    takers.length === 0
      ? "No model whose workers take tokens is served."
      : `model is missing, and there are ${takers.length}: ${names.join(", ")}. Name one.`,
    { param: "model" },
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
    if (chunk === undefined) throw notNative(pipeline.card.displayName);
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
    code: "DYN_GATEWAY_STREAM_ONLY",
    status: 501,
    param: "stream",
  });
}

function notNative(model: string): DynError {
  return new DynError(
    `The workers of ${model} do not speak SGLang's own form. Ask /v1/completions with the token ids as prompt.`,
    { code: "DYN_GATEWAY_NOT_NATIVE", status: 501 },
  );
}

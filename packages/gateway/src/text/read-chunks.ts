// A chat as workers that take text are asked it, and the chunks that they answer with.
import type { ChatCompletionChunk, ChatCompletionRequest, EngineOutputItem } from "@dyn/protocol";
import { incompleteStream } from "../errors/gateway-errors.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { objectIdOf } from "../http/request-id.ts";
import type { BasePipeline } from "../models/base-pipeline.ts";
import { readRequestHints } from "../preprocess/request-hints.ts";
import type { GenerationTask } from "../routes/answer-generation.ts";
import { readWorkerChunk } from "./worker-chunk.ts";

/**
 * `body`: what the worker is sent, which `request` is checked from. All choices have come to their end when it is over;
 * throws UnavailableError when they have not.
 */
export async function* readChunks(
  context: GatewayContext,
  pipeline: BasePipeline,
  { request, body }: { readonly request: ChatCompletionRequest; readonly body: object },
  { exchange, observation }: GenerationTask,
): AsyncGenerator<ChatCompletionChunk> {
  const { request: http, signal } = exchange;
  const hints = readRequestHints({
    nvext: context.settings.nvext ? request.nvext : null,
    headers: http.headers,
    cacheSalt: request.cache_salt,
    tenant: exchange.tenant,
  });
  const stream = pipeline.workers.generate(toWorkerBody(context, pipeline, body, hints), {
    signal,
    requestId: objectIdOf(http),
    trace: observation.trace,
    ...(hints.instanceId === null ? {} : { instanceId: hints.instanceId }),
    onRouted: () => observation.routed(),
  });
  const open = new Set(Array.from({ length: request.n ?? 1 }, (_, index) => index));
  for await (const { data } of stream) {
    if (data === undefined) continue;
    const chunk = readWorkerChunk(data);
    const nowMs = performance.now();
    for (const { index, finish_reason: finish } of chunk.choices) {
      // How many tokens it was is told at the end: a chunk counts as one until then.
      observation.item(oneToken, index, nowMs, nowMs);
      if (finish !== null) open.delete(index);
    }
    if (chunk.usage != null) {
      observation.promptCounted(chunk.usage.prompt_tokens);
      observation.usage(chunk.usage);
    }
    yield chunk;
  }
  signal.throwIfAborted();
  if (open.size > 0) throw incompleteStream();
}

const oneToken: EngineOutputItem = Object.freeze({ token_ids: [0] });

/** As it came, save what only the frontend can answer for: the model's own name, the tenant, the form of the answer. */
function toWorkerBody(
  { settings }: GatewayContext,
  { card }: BasePipeline,
  body: object,
  { routing }: ReturnType<typeof readRequestHints>,
): Record<string, unknown> {
  const { stream: _, stream_options: __, nvext, ...rest } = body as Record<string, unknown>;
  const given = settings.nvext && nvext != null ? (nvext as Record<string, unknown>) : {};
  const hints = {
    ...given,
    ...(routing.cache_salt == null ? {} : { cache_salt: routing.cache_salt }),
    ...(routing.priority == null
      ? {}
      : { agent_hints: { ...(given.agent_hints as object), priority: routing.priority } }),
  };
  return {
    ...rest,
    model: card.displayName,
    ...(Object.keys(hints).length === 0 ? {} : { nvext: hints }),
  };
}

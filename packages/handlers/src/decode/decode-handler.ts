// What an aggregated or decode worker does with a request.
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Engine } from "@dyn/engine";
import {
  type EngineOutputItem,
  InvalidArgumentError,
  PreprocessedRequest,
  resumedMark,
  UnavailableError,
} from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { z } from "zod";
import { outputToItem } from "./output-to-item.ts";
import { requestToGenerate } from "./request-to-generate.ts";
import type { ThinkingMarkers } from "./thinking-markers.ts";
import { toWireParam } from "./wire-param.ts";

/**
 * Serves token-mode requests on an engine: one item per step and choice.
 * The context's stop or kill, and leaving the stream, abort the request in the engine.
 * Aborting `shutdown` ends every request, begun or not, as DYN_ENGINE_SHUTDOWN: its caller goes on elsewhere.
 */
export function createDecodeHandler(options: {
  readonly engine: Engine;
  readonly shutdown?: AbortSignal;
  /** The text that ends the model's reasoning: guided decoding begins after it. Default `</think>`. */
  readonly reasoningEnd?: string | undefined;
  /** What begins and ends the model's reasoning, asked for by the first request that bounds it; `null`: not known. */
  readonly thinkingMarkers?: (() => Promise<ThinkingMarkers | null>) | undefined;
}): RequestHandler<unknown, EngineOutputItem> {
  const { engine, shutdown } = options;
  if (shutdown !== undefined) setMaxListeners(0, shutdown);
  return async function* (body, context) {
    if (shutdown?.aborted) throw engineShutdown();
    // By hand: AbortSignal.any keeps a trace of each request at the signal that outlives them all.
    const abort = new AbortController();
    const stop = () => abort.abort(context.signal.reason);
    context.signal.addEventListener("abort", stop, { once: true });
    shutdown?.addEventListener("abort", stop, { once: true });
    if (context.isStopped) stop();
    // Fresh: a caller may send two requests under one id of its own.
    const parsed = parseBody(body);
    const isBounded = parsed.stop_conditions.max_thinking_tokens != null;
    const request = requestToGenerate(parsed, randomUUID(), {
      end: options.reasoningEnd,
      markers: isBounded ? ((await options.thinkingMarkers?.()) ?? null) : null,
    });
    const begun = new Set<number>();
    // Whoever moved the answer here must know that it was not begun anew.
    let isResumed = request.resume !== null;
    try {
      for await (const output of engine.generate(request, { signal: abort.signal })) {
        if (shutdown?.aborted && output.finish?.type === "abort") throw engineShutdown();
        const isFirst = !begun.has(output.index);
        begun.add(output.index);
        const item = outputToItem(output, { isFirst, promptTokenIds: request.tokenIds });
        if (isResumed) item.engine_data = { ...item.engine_data, [resumedMark]: true };
        isResumed = false;
        yield { data: item };
      }
    } catch (error) {
      throw toWireParam(error);
    } finally {
      context.signal.removeEventListener("abort", stop);
      shutdown?.removeEventListener("abort", stop);
    }
  };
}

function engineShutdown(): UnavailableError {
  return new UnavailableError("The worker shuts down; another one can go on with the request.", {
    code: "DYN_ENGINE_SHUTDOWN",
  });
}

function parseBody(body: unknown): PreprocessedRequest {
  const parsed = PreprocessedRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    `The preprocessed request is not valid: ${z.prettifyError(parsed.error)}`,
  );
}

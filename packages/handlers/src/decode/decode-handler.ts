// What an aggregated or decode worker does with a request.
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Engine } from "@dyn/engine";
import {
  DynError,
  type EngineOutputItem,
  InvalidArgumentError,
  PreprocessedRequest,
  resumedMark,
} from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import type { Tokenizer } from "@dyn/tokenizer";
import { z } from "zod";
import { engineShutdown } from "../answer/engine-shutdown.ts";
import { NativeAnswer } from "../native/native-answer.ts";
import { readNativeRequest } from "../native/native-request.ts";
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
  /** For requests in SGLang's own form, which have text in their answer. Loaded with the first of them. */
  readonly loadTokenizer?: (() => Promise<Tokenizer>) | undefined;
}): RequestHandler<unknown, EngineOutputItem> {
  const { engine, shutdown } = options;
  if (shutdown !== undefined) setMaxListeners(0, shutdown);
  let tokenizer: Promise<Tokenizer> | null = null;
  const readNative = async (request: PreprocessedRequest, id: string) => {
    const native = readNativeRequest(request, { contextLength: engine.info.contextLength });
    if (native === null) return null;
    if (options.loadTokenizer === undefined) throw noTokenizer();
    tokenizer ??= options.loadTokenizer().catch((error: unknown) => {
      // The next request tries again.
      tokenizer = null;
      throw error;
    });
    return { native, answer: new NativeAnswer(native, await tokenizer, id) };
  };
  return async function* (body, context) {
    if (shutdown?.aborted) throw engineShutdown();
    // By hand: AbortSignal.any keeps a trace of each request at the signal that outlives them all.
    const abort = new AbortController();
    const stop = () => abort.abort(context.signal.reason);
    context.signal.addEventListener("abort", stop, { once: true });
    shutdown?.addEventListener("abort", stop, { once: true });
    if (context.isStopped) stop();
    try {
      // Fresh: a caller may send two requests under one id of its own.
      const id = randomUUID();
      const asked = parseBody(body);
      const inNative = await readNative(asked, id);
      const isBounded = asked.stop_conditions.max_thinking_tokens != null;
      const request = requestToGenerate(inNative?.native.request ?? asked, id, {
        end: options.reasoningEnd,
        markers: isBounded ? ((await options.thinkingMarkers?.()) ?? null) : null,
      });
      for (const [i, { tokenIds }] of (request.resume ?? []).entries()) {
        inNative?.answer.resume(i, tokenIds);
      }
      const begun = new Set<number>();
      // Whoever moved the answer here must know that it was not begun anew.
      let isResumed = request.resume !== null;
      for await (const output of engine.generate(request, { signal: abort.signal })) {
        if (shutdown?.aborted && output.finish?.type === "abort") throw engineShutdown();
        const isFirst = !begun.has(output.index);
        begun.add(output.index);
        const item = outputToItem(output, { isFirst, promptTokenIds: request.tokenIds });
        if (inNative !== null) {
          const answer = inNative.answer.accept(output);
          if (answer === null) continue;
          item.engine_data = { ...item.engine_data, sglang_response: answer.response };
          if (answer.matched !== null) {
            Object.assign(item, { finish_reason: "stop", stop_reason: answer.matched });
          }
        }
        if (isResumed) item.engine_data = { ...item.engine_data, [resumedMark]: true };
        isResumed = false;
        yield { data: item };
        if (inNative?.answer.isOver) return;
      }
    } catch (error) {
      throw toWireParam(error);
    } finally {
      context.signal.removeEventListener("abort", stop);
      shutdown?.removeEventListener("abort", stop);
    }
  };
}

function noTokenizer(): DynError {
  return new DynError("This worker has no tokenizer, so it cannot answer in SGLang's own form.", {
    code: "DYN_HANDLERS_NO_TOKENIZER",
    status: 501,
  });
}

function parseBody(body: unknown): PreprocessedRequest {
  const parsed = PreprocessedRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    `The preprocessed request is not valid: ${z.prettifyError(parsed.error)}`,
  );
}

// What an aggregated or decode worker does with a request.
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Engine, GenerateOutput, GenerateRequest } from "@dyn/engine";
import {
  DynError,
  type EngineOutputItem,
  type PreprocessedRequest,
  recordToError,
  resumedMark,
} from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import type { Tokenizer } from "@dyn/tokenizer";
import { engineShutdown } from "../answer/engine-shutdown.ts";
import { NativeAnswer } from "../native/native-answer.ts";
import { readNativeRequest } from "../native/native-request.ts";
import { type GenerationObserver, observeAll } from "../observe/generation-observer.ts";
import { parseRequest } from "../request/parse-request.ts";
import { followRequestEnd } from "../request/request-end.ts";
import { decodeMeeting } from "./decode-meeting.ts";
import { outputToItem } from "./output-to-item.ts";
import { readGenerate } from "./read-generate.ts";
import type { ThinkingMarkers } from "./thinking-markers.ts";
import { toWireParam } from "./wire-param.ts";

export interface DecodeHandlerOptions {
  readonly engine: Engine;
  readonly shutdown?: AbortSignal;
  /** The text that ends the model's reasoning: guided decoding begins after it. Default `</think>`. */
  readonly reasoningEnd?: string | undefined;
  /** What begins and ends the model's reasoning, asked for by the first request that bounds it; `null`: not known. */
  readonly thinkingMarkers?: (() => Promise<ThinkingMarkers | null>) | undefined;
  /** For requests in SGLang's own form, which have text in their answer. Loaded with the first of them. */
  readonly loadTokenizer?: (() => Promise<Tokenizer>) | undefined;
  /** The name of the weights in force, for the answers to such requests. Default: always `default`, as SGLang says. */
  readonly readWeightVersion?: (() => string) | undefined;
  /** A prompt's KV did not come from its prefill worker, and is computed here. */
  readonly onPrefillHere?: (cause: DynError) => void;
  /** Hear of every request. */
  readonly observers?: readonly GenerationObserver[];
}

/**
 * Serves token-mode requests on an engine: one item per step and choice.
 * A request with `bootstrap_info` is taken over from its prefill worker where the engine can (mode decode). When that
 * worker is lost before the first token, and for a request without, the prompt is computed here.
 * The context's stop or kill, and leaving the stream, abort the request in the engine.
 * Aborting `shutdown` ends every request, begun or not, as DYN_ENGINE_SHUTDOWN: its caller goes on elsewhere.
 */
export function createDecodeHandler(
  options: DecodeHandlerOptions,
): RequestHandler<unknown, EngineOutputItem> {
  const { engine, shutdown, observers = [], readWeightVersion = () => "default" } = options;
  if (shutdown !== undefined) setMaxListeners(0, shutdown);
  let tokenizer: Promise<Tokenizer> | null = null;
  const readNative = async (request: PreprocessedRequest) => {
    const native = readNativeRequest(request, { contextLength: engine.info.contextLength });
    if (native === null) return null;
    if (options.loadTokenizer === undefined) throw noTokenizer();
    tokenizer ??= options.loadTokenizer().catch((error: unknown) => {
      // The next request tries again.
      tokenizer = null;
      throw error;
    });
    const answer = new NativeAnswer(native, {
      tokenizer: await tokenizer,
      id: randomUUID(),
      readWeightVersion,
    });
    return { native, answer };
  };
  return async function* (body, context) {
    if (shutdown?.aborted) throw engineShutdown();
    const end = followRequestEnd(context, shutdown);
    const observation = observeAll(observers, context);
    let failure: unknown = null;
    try {
      const wire = parseRequest(body);
      const inNative = await readNative(wire);
      // Fresh: a caller may send two requests under one id of its own.
      const request = await readGenerate(inNative?.native.request ?? wire, options);
      for (const [i, { tokenIds }] of (request.resume ?? []).entries()) {
        inNative?.answer.resume(i, tokenIds);
      }
      const disaggregation = decodeMeeting(wire, engine.info);
      const begun = new Set<number>();
      // Whoever moved the answer here must know that it was not begun anew.
      let isResumed = request.resume !== null;
      for await (const output of answer(options, { ...request, disaggregation }, end.signal)) {
        if (shutdown?.aborted && output.finish?.type === "abort") throw engineShutdown();
        observation.output(output);
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
      failure = toWireParam(error);
      throw failure;
    } finally {
      observation.ended(failure);
      end.close();
    }
  };
}

function noTokenizer(): DynError {
  return new DynError("This worker has no tokenizer, so it cannot answer in SGLang's own form.", {
    code: "DYN_HANDLERS_NO_TOKENIZER",
    status: 501,
  });
}

/** The engine's outputs. A hand-over that fails before the first of them leaves the prompt to this engine. */
async function* answer(
  { engine, onPrefillHere }: DecodeHandlerOptions,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateOutput> {
  if (request.disaggregation != null) {
    let hasBegun = false;
    try {
      for await (const output of engine.generate(request, { signal })) {
        if (output.finish?.type === "error") throw recordToError(output.finish.error);
        hasBegun = true;
        yield output;
      }
      return;
    } catch (error) {
      if (hasBegun || signal.aborted || !isLostHandOver(error)) throw error;
      onPrefillHere?.(error);
    }
  }
  const whole = { ...request, requestId: randomUUID(), disaggregation: null };
  yield* engine.generate(whole, { signal });
}

/** What speaks of the prefill worker or the way to it, and not of the request. */
function isLostHandOver(error: unknown): error is DynError {
  return DynError.is(error) && error.code.startsWith("DYN_DISAGG_") && error.status >= 500;
}

// What an aggregated or decode worker does with a request.
import { randomUUID } from "node:crypto";
import type { Engine } from "@dyn/engine";
import {
  type EngineOutputItem,
  InvalidArgumentError,
  PreprocessedRequest,
  resumedMark,
} from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { z } from "zod";
import { outputToItem } from "./output-to-item.ts";
import { requestToGenerate } from "./request-to-generate.ts";
import { toWireParam } from "./wire-param.ts";

/**
 * Serves token-mode requests on an engine: one item per step and choice.
 * The context's stop or kill, and leaving the stream, abort the request in the engine.
 */
export function createDecodeHandler(options: {
  readonly engine: Engine;
}): RequestHandler<unknown, EngineOutputItem> {
  const { engine } = options;
  return async function* (body, context) {
    // Fresh: a caller may send two requests under one id of its own.
    const request = requestToGenerate(parseBody(body), randomUUID());
    const begun = new Set<number>();
    // Whoever moved the answer here must know that it was not begun anew.
    let isResumed = request.resume !== null;
    try {
      for await (const output of engine.generate(request, { signal: context.signal })) {
        const isFirst = !begun.has(output.index);
        begun.add(output.index);
        const item = outputToItem(output, { isFirst, promptTokenIds: request.tokenIds });
        if (isResumed) item.engine_data = { ...item.engine_data, [resumedMark]: true };
        isResumed = false;
        yield { data: item };
      }
    } catch (error) {
      throw toWireParam(error);
    }
  };
}

function parseBody(body: unknown): PreprocessedRequest {
  const parsed = PreprocessedRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    `The preprocessed request is not valid: ${z.prettifyError(parsed.error)}`,
  );
}

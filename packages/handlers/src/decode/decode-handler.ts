// What an aggregated or decode worker does with a request.
import type { Engine } from "@dyn/engine";
import { type EngineOutputItem, InvalidArgumentError, PreprocessedRequest } from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { z } from "zod";
import { outputToItem } from "./output-to-item.ts";
import { requestToGenerate } from "./request-to-generate.ts";

/**
 * Serves token-mode requests on an engine: one item per step and choice.
 * The context's stop or kill, and leaving the stream, abort the request in the engine.
 */
export function createDecodeHandler(options: {
  readonly engine: Engine;
}): RequestHandler<unknown, EngineOutputItem> {
  const { engine } = options;
  return async function* (body, context) {
    const request = requestToGenerate(parseBody(body), context.id);
    const begun = new Set<number>();
    for await (const output of engine.generate(request, { signal: context.signal })) {
      const isFirst = !begun.has(output.index);
      begun.add(output.index);
      yield { data: outputToItem(output, { isFirst, promptTokenIds: request.tokenIds }) };
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

// The way of every generating request: read, check, prepare, run, answer; counted from first to last.
import { CancelledError, DeadlineExceededError, DynError } from "@dyn/protocol";
import { traceIds } from "@dyn/tracing";
import { errorToStatus } from "../errors/error-to-body.ts";
import { withOverloadStatus } from "../errors/overload-status.ts";
import type { GatewayContext } from "../gateway-context.ts";
import type { Exchange } from "../http/exchange.ts";
import { SseWriter } from "../http/sse-writer.ts";
import { RequestObservation } from "../observe/request-observation.ts";
import { type BodyReader, readJson } from "../validation/read-body-value.ts";

export interface GenerationTask {
  readonly exchange: Exchange;
  readonly observation: RequestObservation;
  /** Begins the response with its first event. */
  readonly writer: SseWriter;
}

/** Keeps a stream's connection in use while there is nothing to say, if the settings want it. */
export function keepStreamAlive(
  { settings }: GatewayContext,
  writer: SseWriter,
  frame: string,
): void {
  if (settings.sseKeepAliveMs !== null) writer.startKeepAlive(settings.sseKeepAliveMs, frame);
}

/**
 * Errors before the first event become the response's status; later ones become the last event.
 * Everything thrown is rethrown for the server, which answers what is not answered yet.
 */
export async function answerGeneration(
  context: GatewayContext,
  exchange: Exchange,
  endpoint: string,
  answer: (body: unknown, task: GenerationTask) => Promise<void>,
  readBody: BodyReader = readJson,
): Promise<void> {
  const span = context.tracer.startSpan("http-request", exchange.trace, {
    kind: "server",
    attributes: {
      "http.request.method": exchange.method,
      "http.route": exchange.path,
      "dyn.request_id": exchange.requestId,
    },
  });
  exchange.trace = span.trace;
  const observation = new RequestObservation(context.metrics, endpoint, span);
  const writer = new SseWriter(exchange, context.limits);
  try {
    const body = await readBody(exchange, context.limits);
    await answer(body, { exchange, observation, writer });
    observation.end(null);
    exchange.tenant?.charge(observation.totalTokens);
  } catch (error) {
    exchange.tenant?.charge(observation.totalTokens);
    const end = exchange.signal.aborted ? endOf(exchange.signal, error) : error;
    observation.end(end);
    const reason = withOverloadStatus(end, context.settings.overloadStatus);
    const isGone = reason instanceof CancelledError;
    if (!writer.hasBegun || isGone) throw reason;
    if (errorToStatus(error) === 500) {
      const { requestId, trace } = exchange;
      context.logger.error("A stream failed.", {
        requestId,
        ...traceIds(trace),
        error: describe(error),
      });
    }
    writer.end(exchange.errorFormat.toLastEvents(reason));
  }
}

function endOf(signal: AbortSignal, cause: unknown): unknown {
  return signal.reason instanceof DeadlineExceededError
    ? signal.reason
    : new CancelledError(undefined, cause);
}

function describe(error: unknown): string {
  if (DynError.is(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

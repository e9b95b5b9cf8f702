import type { RequestHandler } from "@dyn/runtime";
import type { Tracer } from "@dyn/tracing";

/** The same handler in a span `handle_payload`, for workers whose engine tells no phases. */
export function traceHandler<Request, Item>(
  handler: RequestHandler<Request, Item>,
  tracer: Tracer,
): RequestHandler<Request, Item> {
  return async function* (request, context) {
    const span = tracer.startSpan("handle_payload", context.trace, {
      kind: "server",
      attributes: { "dyn.request_id": context.id },
    });
    let failure: unknown = null;
    try {
      yield* handler(request, context);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      span.end({ error: failure });
    }
  };
}

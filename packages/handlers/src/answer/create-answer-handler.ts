// Requests that are answered by one item. Here they end when their caller, or the worker, is gone.
import { setMaxListeners } from "node:events";
import { InvalidArgumentError } from "@dyn/protocol";
import type { RequestHandler } from "@dyn/runtime";
import { z } from "zod";
import { engineShutdown } from "./engine-shutdown.ts";

/** Aborting `shutdown` ends every request, begun or not, as DYN_ENGINE_SHUTDOWN: its caller goes on elsewhere. */
export function createAnswerHandler<Body, Item>(options: {
  readonly schema: z.ZodType<Body>;
  readonly shutdown: AbortSignal | undefined;
  readonly answer: (body: Body, signal: AbortSignal) => Promise<Item>;
}): RequestHandler<unknown, Item> {
  const { schema, shutdown, answer } = options;
  if (shutdown !== undefined) setMaxListeners(0, shutdown);
  return async function* (body, context) {
    if (shutdown?.aborted) throw engineShutdown();
    const parsed = schema.safeParse(body);
    if (!parsed.success) {
      throw new InvalidArgumentError(
        `The request is not valid: ${z.prettifyError(parsed.error)}`,
        paramOf(parsed.error),
      );
    }
    // By hand: AbortSignal.any keeps a trace of each request at the signal that outlives them all.
    const abort = new AbortController();
    const stop = () => abort.abort(context.signal.reason);
    context.signal.addEventListener("abort", stop, { once: true });
    shutdown?.addEventListener("abort", stop, { once: true });
    if (context.isStopped) stop();
    try {
      yield { data: await answer(parsed.data, abort.signal) };
    } catch (error) {
      throw shutdown?.aborted ? engineShutdown() : error;
    } finally {
      context.signal.removeEventListener("abort", stop);
      shutdown?.removeEventListener("abort", stop);
    }
  };
}

function paramOf({ issues }: z.ZodError): { param?: string } {
  const field = issues[0]?.path[0];
  return field === undefined ? {} : { param: String(field) };
}

// When a request has to end before its answer does: its caller says so, or the worker shuts down.
import type { RequestContext } from "@dyn/runtime";

export interface RequestEnd {
  /** Aborted by either. */
  readonly signal: AbortSignal;
  /** The signals outlive the request: they must not remember it. */
  close(): void;
}

/** By hand: AbortSignal.any keeps a trace of each request at the signal that outlives them all. */
export function followRequestEnd(
  context: RequestContext,
  shutdown: AbortSignal | undefined,
): RequestEnd {
  const abort = new AbortController();
  const stop = () => abort.abort(context.signal.reason);
  context.signal.addEventListener("abort", stop, { once: true });
  shutdown?.addEventListener("abort", stop, { once: true });
  if (context.isStopped) stop();
  return {
    signal: abort.signal,
    close: () => {
      context.signal.removeEventListener("abort", stop);
      shutdown?.removeEventListener("abort", stop);
    },
  };
}

// Who watches the requests of a worker: metrics, traces. Told per request and step, never per token.
import type { GenerateOutput } from "@dyn/engine";
import type { RequestContext } from "@dyn/runtime";

export interface GenerationObservation {
  /** What one step added to one choice. */
  output(output: GenerateOutput): void;
  /** Once. `null`: nothing failed, or its caller left. */
  ended(error: unknown): void;
}

export interface GenerationObserver {
  /** Before the request is read. */
  begun(context: RequestContext): GenerationObservation;
}

const silent: GenerationObservation = { output: () => {}, ended: () => {} };

/** Several as one. */
export function observeAll(
  observers: readonly GenerationObserver[],
  context: RequestContext,
): GenerationObservation {
  if (observers.length === 0) return silent;
  if (observers.length === 1) return observers[0]!.begun(context);
  const all = observers.map((observer) => observer.begun(context));
  return {
    output: (output) => {
      for (const observation of all) observation.output(output);
    },
    ended: (error) => {
      for (const observation of all) observation.ended(error);
    },
  };
}

import type { GenerateOutput } from "../contract/engine-output.ts";
import type { GenerateRequest } from "../contract/generate-request.ts";
import { RequestStream } from "./request-stream.ts";

export interface StreamHooks {
  /** Hands the request to the engine; throws what refuses it, and then leaves nothing behind. */
  submit(stream: RequestStream): void;
  abort(message: string): void;
  /** The stream takes no more outputs. Called only after a submit that did not throw. */
  ended(): void;
}

/**
 * The iterable of `generate`. The request is submitted when iteration begins, so an iterable that nobody
 * reads costs nothing; a refusal is what the first next() rejects with.
 */
export function openStream(
  request: GenerateRequest,
  signal: AbortSignal | undefined,
  hooks: StreamHooks,
): AsyncIterable<GenerateOutput> {
  return {
    [Symbol.asyncIterator]() {
      let isSubmitted = false;
      const onAbort = () => hooks.abort("The request was cancelled by its caller.");
      const stream = new RequestStream({
        choiceCount: request.n,
        onLeave: () => hooks.abort("The consumer left."),
        onEnd: () => {
          signal?.removeEventListener("abort", onAbort);
          if (isSubmitted) hooks.ended();
        },
      });
      try {
        isSubmitted = true;
        hooks.submit(stream);
      } catch (error) {
        isSubmitted = false;
        stream.fail(error);
        return stream;
      }
      if (signal?.aborted) onAbort();
      else if (!stream.isComplete) signal?.addEventListener("abort", onAbort, { once: true });
      return stream;
    },
  };
}

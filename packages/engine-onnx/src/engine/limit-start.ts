// How long the start of an engine may take.
import { CancelledError, DeadlineExceededError } from "@dyn/protocol";

const defaultTimeoutMs = 600_000;

/** `reached` rejects when the time is over or the signal comes; `clear` ends the watch. */
export function limitStart(timeoutMs = defaultTimeoutMs, signal?: AbortSignal) {
  let clear = () => {};
  const reached = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new DeadlineExceededError(
            `The model was not loaded within ${timeoutMs} ms. Give a larger startTimeoutMs.`,
          ),
        ),
      timeoutMs,
    );
    const onAbort = () => reject(startCancelled(signal));
    signal?.addEventListener("abort", onAbort, { once: true });
    clear = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
  });
  return { reached, clear };
}

export function startCancelled(signal: AbortSignal | undefined): CancelledError {
  return new CancelledError("The start of the engine was cancelled by its caller.", signal?.reason);
}
